import json
from pathlib import Path
from tests.openapi.validation import CheckedClient
def test_smoke(fresh_app, signed):
    c = signed(fresh_app, "admin")
    for i in ["DEU","GBR","UKR","NLD","NOR","SWE","FRA"]:
        assert c.put(f"/v1/actors/iso3166-1:{i}", json={"name": i, "kind": "state"}).status_code == 201
    assert c.put("/v1/sources/parley:izvestia-2025-07", json={"kind": "news", "title":"x"}).status_code == 201
    for p in json.loads(Path("ingest/data/pledges.json").read_text()):
        p.pop("announced_at", None)
        a = c.post("/v1/pledges", json=p)
        assert a.status_code == 201, a.text
        again = c.put("/v1/pledges/" + a.json["id"], json=a.json, headers={"If-Match": a.headers["ETag"]})
        assert again.headers["Parley-Result"] == "unchanged", again.text
    for q in ["donor=iso3166-1:DEU", "recipient=iso3166-1:UKR", "status=discussed", "amount_from=200000001", "currency=EUR&amount_to=1.5", "undelivered=true", "undelivered=false","from=2025-07-21&to=2025-07-21","sort=-announced_on","sort=amount","sort=title", "sort=-effective_from", "announced_at=x:y"]:
        r = c.get("/v1/pledges?limit=3&" + q); assert r.status_code == 200, r.text
        print(q, [x["title"] for x in r.json["items"]])
    t = c.post("/v1/transactions", json={"pledge": "parley:norway-drones", "kind": "revision", "amount": {"value": "5.00", "currency": "EUR"}, "sources": [{"source": "parley:izvestia-2025-07"}]})
    assert t.status_code == 201, t.text
    print(c.get("/v1/transactions?pledge=parley:norway-drones&kind=revision&sort=-dated").json)
    assert 0

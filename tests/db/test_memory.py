"""What is remembered stays within its bytes; what nobody asks for goes first."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

from db.memory import Memory


def test_what_was_not_asked_for_goes_first():
    memory: Memory[str] = Memory(30)
    for name in "abc":
        memory.put(name, name, 10)
    assert memory.get("a") == "a"
    memory.put("d", "d", 10)
    assert [memory.get(name) for name in "abcd"] == ["a", None, "c", "d"]


def test_the_same_name_takes_its_place_once():
    memory: Memory[str] = Memory(30)
    for value in "xyz":
        memory.put("a", value, 20)
    assert (memory.get("a"), memory.size) == ("z", 20)


def test_what_is_too_large_is_not_kept_and_frees_nothing_else():
    memory: Memory[str] = Memory(30)
    memory.put("a", "a", 10)
    memory.put("b", "b", 31)
    assert (memory.get("a"), memory.get("b"), memory.size) == ("a", None, 10)


def test_without_room_nothing_is_kept():
    memory: Memory[str] = Memory(0)
    memory.put("a", "a", 1)
    assert memory.get("a") is None


def test_many_threads_keep_it_within_its_bytes():
    memory: Memory[int] = Memory(5_000)

    def work(seed: int) -> None:
        chance = Random(seed)
        for _ in range(20_000):
            name = chance.randrange(200)
            found = memory.get(name)
            assert found is None or found == name
            if found is None:
                memory.put(name, name, chance.randrange(1, 100))

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(work, range(8)))
    assert memory.size <= 5_000
    assert memory.size == sum(size for _, size in memory._kept.values())


def test_of_what_is_gone_no_name_is_left():
    memory: Memory[int] = Memory(30)
    for name in range(100):
        memory.put(name, name, 10)
        assert memory.several([name, "another"]) == [name, None]
    memory._asked.update(range(50))  # as whoever asked for what went at the same time
    memory.put(100, 100, 10)
    assert memory._asked <= memory._kept.keys()
    assert len(memory._kept) == 3

"""What Django REST framework runs with: nothing but what these requests need, and a connection pool."""

import os
from urllib.parse import parse_qs, urlsplit

database = urlsplit(os.environ["BENCH_DATABASE_URL"])
where = {name: values[0] for name, values in parse_qs(database.query).items()}

DEBUG = False
SECRET_KEY = "measured on this machine alone"
ALLOWED_HOSTS = ["127.0.0.1"]
ROOT_URLCONF = "django_rest"
USE_TZ = True
APPEND_SLASH = False
MIDDLEWARE = ["django.middleware.common.CommonMiddleware"]
INSTALLED_APPS = ["django.contrib.postgres", "rest_framework"]
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": database.path.lstrip("/"),
        "HOST": where["host"],
        "PORT": where["port"],
        "USER": where["user"],
        "OPTIONS": {"pool": True, "options": "-c search_path=peer"},
    }
}
REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": [],
    "UNAUTHENTICATED_USER": None,
    "DEFAULT_RENDERER_CLASSES": ["rest_framework.renderers.JSONRenderer"],
    "DEFAULT_PARSER_CLASSES": ["rest_framework.parsers.JSONParser"],
}

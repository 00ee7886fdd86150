"""A newspaper's own CMS: Django's admin over an Article of its own, in a process of its own.

    Newsroom(folder)   started, reset to empty, stopped; what is in its database
    python newsroom.py FOLDER PORT   the site itself

Editors log in at /admin/; visitors read /<slug>/.
"""

import os
import shutil
import signal
import socket
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

import requests

PEOPLE: Final = {"editor": "редактор-1", "guest": "гость-1"}


class Newsroom:
    """The site in a folder of its own; its first start lays out an empty database."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        with socket.socket() as found:
            found.bind(("127.0.0.1", 0))
            self.port = int(found.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> "Newsroom":
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "django.log").open("wb") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-W", "ignore", __file__, str(self.folder), str(self.port)],
                stdout=log, stderr=log, start_new_session=True,
            )  # fmt: skip
        for _ in range(300):
            try:
                if requests.get(f"{self.url}/admin/login/", timeout=10).ok:
                    break
            except requests.ConnectionError:
                assert self._process.poll() is None, (self.folder / "django.log").read_text()
                time.sleep(0.1)
        else:
            raise AssertionError((self.folder / "django.log").read_text()[-2000:])
        shutil.copyfile(self.folder / "site.sqlite", self.folder / "new.sqlite")
        return self

    def __exit__(self, *_: object) -> None:
        if self._process:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()

    def reset(self) -> None:
        """The site as it was when it was new."""
        new = sqlite3.connect(self.folder / "new.sqlite")
        now = sqlite3.connect(self.folder / "site.sqlite", timeout=20)
        new.backup(now)
        new.close()
        now.close()
        shutil.rmtree(self.folder / "media", ignore_errors=True)

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        """What its database answers; a change is committed."""
        with sqlite3.connect(self.folder / "site.sqlite", timeout=20) as db:
            found = db.execute(query, values).fetchall()
        db.close()
        return found


def _settings(folder: Path) -> None:
    from django.conf import settings

    settings.configure(
        DEBUG=False,
        SECRET_KEY="a test",
        ALLOWED_HOSTS=["*"],
        ROOT_URLCONF="newsroom_urls",
        DATABASES={
            "default": {
                "ENGINE": "django.db.backends.sqlite3",
                "NAME": str(folder / "site.sqlite"),
                "OPTIONS": {"timeout": 20},
            }
        },
        INSTALLED_APPS=[
            "django.contrib.admin",
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "django.contrib.staticfiles",
            "news",
        ],
        MIDDLEWARE=[
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
        ],
        TEMPLATES=[
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"],
        DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
        LANGUAGE_CODE="ru",
        TIME_ZONE="Asia/Omsk",
        USE_TZ=True,
        STATIC_URL="/static/",
        MEDIA_ROOT=str(folder / "media"),
        MEDIA_URL="/media/",
        FILE_UPLOAD_PERMISSIONS=0o644,
        CSRF_TRUSTED_ORIGINS=["http://127.0.0.1"],
    )


MODELS: Final = """
from django.db import models


class Author(models.Model):
    name = models.CharField("Имя", max_length=200)

    class Meta:
        verbose_name, verbose_name_plural = "Автор", "Авторы"

    def __str__(self):
        return self.name


class Tag(models.Model):
    name = models.CharField("Название", max_length=80, unique=True)

    class Meta:
        verbose_name, verbose_name_plural = "Тег", "Теги"

    def __str__(self):
        return self.name


class Picture(models.Model):
    name = models.CharField("Название", max_length=120)
    file = models.FileField("Файл", upload_to="pictures")

    class Meta:
        verbose_name, verbose_name_plural = "Картинка", "Картинки"

    def __str__(self):
        return self.name


class Article(models.Model):
    title = models.CharField("Заголовок", max_length=200)
    slug = models.SlugField("Адрес", max_length=120, unique=True)
    lead = models.TextField("Анонс", blank=True)
    text = models.TextField("Текст")
    published_at = models.DateTimeField("Дата публикации")
    cover = models.ImageField("Обложка", upload_to="covers", blank=True)
    author = models.ForeignKey(Author, models.PROTECT, verbose_name="Автор")
    section = models.CharField(
        "Рубрика", max_length=20,
        choices=[("news", "Новости"), ("blogs", "Блоги"), ("sport", "Спорт")])
    tags = models.ManyToManyField(Tag, verbose_name="Теги", blank=True)
    comments = models.BooleanField("Разрешить комментарии", default=True)
    note = models.CharField("Заметка редакции", max_length=200, blank=True, default="от редакции")
    is_published = models.BooleanField("Опубликовано", default=False)

    class Meta:
        verbose_name, verbose_name_plural = "Статья", "Статьи"

    def __str__(self):
        return self.title

    def get_absolute_url(self):
        return f"/{self.slug}/"
"""


def _news(folder: Path) -> None:
    """The app ``news``, written beside its database."""
    package = folder / "news"
    package.mkdir(exist_ok=True)
    (package / "__init__.py").write_text("")
    (package / "models.py").write_text(MODELS)
    (package / "apps.py").write_text(
        "from django.apps import AppConfig\n\n\nclass News(AppConfig):\n"
        "    name, verbose_name = 'news', 'Редакция'\n"
    )
    sys.path.insert(0, str(folder))


def _urls(folder: Path) -> None:
    import types

    from django.contrib import admin
    from django.http import HttpResponse
    from django.shortcuts import get_object_or_404
    from django.urls import path, re_path
    from django.views.static import serve
    from news import models  # type: ignore[import-not-found]

    @admin.register(models.Article)
    class ArticleAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
        list_display = ("title", "published_at", "author", "is_published")
        search_fields = ("title", "slug")
        list_per_page = 3
        filter_horizontal = ("tags",)

    @admin.register(models.Picture)
    class PictureAdmin(admin.ModelAdmin):  # type: ignore[type-arg]
        search_fields = ("name",)

    admin.site.register([models.Author, models.Tag])

    def page(request: Any, slug: str) -> HttpResponse:
        one = get_object_or_404(models.Article, slug=slug, is_published=True)
        cover = f'<img src="{one.cover.url}">' if one.cover else ""
        return HttpResponse(
            f"<!doctype html><title>Газета</title><main><h1>{one.title}</h1>{cover}"
            f"<p>{one.lead}</p>{one.text}</main>"
        )

    module = types.ModuleType("newsroom_urls")
    module.urlpatterns = [  # type: ignore[attr-defined]
        path("admin/", admin.site.urls),
        re_path(r"^media/(?P<path>.*)$", serve, {"document_root": str(folder / "media")}),
        path("<slug:slug>/", page),
    ]
    sys.modules["newsroom_urls"] = module


def _lay() -> None:
    from django.contrib.auth.models import Permission, User
    from django.core.management import call_command
    from news import models  # type: ignore[import-not-found]

    call_command("migrate", run_syncdb=True, verbosity=0)
    if User.objects.exists():
        return
    for name, password in PEOPLE.items():
        user = User.objects.create_user(name, password=password, is_staff=True)
        if name == "editor":
            user.user_permissions.set(Permission.objects.filter(content_type__app_label="news"))
    for name in ("Анна Круглова", "Павел Столяров"):
        models.Author.objects.create(name=name)


def main(folder: Path, port: int) -> None:
    import django
    from django.contrib.staticfiles.handlers import StaticFilesHandler
    from django.core.servers.basehttp import WSGIRequestHandler, run
    from django.core.wsgi import get_wsgi_application

    _settings(folder)
    _news(folder)
    django.setup()
    _urls(folder)
    _lay()
    WSGIRequestHandler.disable_nagle_algorithm = True  # else each page takes 40 ms more
    run("127.0.0.1", port, StaticFilesHandler(get_wsgi_application()), threading=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))

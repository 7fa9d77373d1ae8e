"""Prints the description of the API of a broker with a public address, for the linter: `python -m tests.support.api_description`."""

import json
import sys
from types import SimpleNamespace
from typing import Any, cast

from fastapi import FastAPI

from broker.api.deps import Api
from broker.api.openapi import describe
from broker.api.routes import install_api
from broker.services.alarms import Alarms

ADDRESS = "https://rondom.example"


def description() -> dict[str, Any]:
    """It is made of the routes alone: there is no broker behind them, and nothing is asked."""
    app = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    nobody = cast(Api, SimpleNamespace(alarms=Alarms(), public_url=ADDRESS))
    install_api(app, nobody, lambda _request, error: (_ for _ in ()).throw(error))
    return describe(app, ADDRESS)


if __name__ == "__main__":
    json.dump(description(), sys.stdout)

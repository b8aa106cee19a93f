"""Whatever HTTP answers, gRPC answers and the client asks, but for what only makes sense over one of them."""

from __future__ import annotations

import inspect
import re

from worlds.by_hand import Made

from bento_services.calls.verbs import Verb, Verbs
from bento_services.client import Client
from bento_services.http.app import GROUPS, create_app
from bento_services.rpc.service import METHODS

SAME = {
    "GET /api/v1/recommendations/home": "GetHome",
    "GET /api/v1/recommendations": "GetRecommendations",
    "GET /api/v1/recommendations/similar/{video_id:path}": "GetSimilar",
    "GET /api/v1/recommendations/up-next": "GetUpNext",
    "GET /api/v1/onboarding": "GetOnboarding",
    "POST /api/v1/onboarding": "PickTitles",
    "POST /api/v1/recommendations/rank": "RankVideos",
    "GET /api/v1/browse": "ListCategories",
    "GET /api/v1/browse/{category:path}": "Browse",
    "GET /api/v1/search": "Search",
    "POST /api/v1/events": "SendEvents",
    "GET /api/v1/events/{event_id:path}": "GetEvent",
    "POST /api/v1/recommendations/feedback": "SendFeedback",
    "GET /api/v1/viewers": "ListViewers",
    "GET /api/v1/viewers/{user_id:path}": "GetViewer",
    "GET /api/v1/viewers/{user_id:path}/export": "ExportViewer",
    "PUT /api/v1/viewers/{user_id:path}/consent": "SetConsent",
    "DELETE /api/v1/viewers/{user_id:path}": "EraseViewer",
    "GET /api/v1/videos": "ListVideos",
    "POST /api/v1/videos:batch": "PutVideos",
    "GET /api/v1/videos/{video_id:path}/history": "GetVideoHistory",
    "POST /api/v1/videos/{video_id:path}/restore": "RestoreVideo",
    "GET /api/v1/videos/{video_id:path}": "GetVideo",
    "PUT /api/v1/videos/{video_id:path}": "PutVideo",
    "PATCH /api/v1/videos/{video_id:path}": "PatchVideo",
    "DELETE /api/v1/videos/{video_id:path}": "TakeDownVideo",
    "GET /api/v1/rules": "ListRules",
    "POST /api/v1/rules": "PutRule",  # with if_match 0
    "POST /api/v1/rules:preview": "PreviewRule",
    "GET /api/v1/rules/{rule_id:path}/history": "GetRuleHistory",
    "GET /api/v1/rules/{rule_id:path}": "GetRule",
    "PUT /api/v1/rules/{rule_id:path}": "PutRule",
    "PATCH /api/v1/rules/{rule_id:path}": "PatchRule",
    "DELETE /api/v1/rules/{rule_id:path}": "RemoveRule",
}
HTTP_ALONE = {
    "GET /thumbnails/{video_id:path}.svg": "a picture, which browsers ask for",
    "GET /": "a page for people",
    "GET /docs": "a page for people",
    "GET /static/{name}": "files of those pages",
    "GET /openapi.json": "gRPC describes itself by reflection",
    "GET /api/v1/status": "for operators; gRPC has its health service, part by part",
    "GET /metrics": "Prometheus asks over HTTP",
    "GET /readyz": "gRPC has its health service",
    "GET /livez": "gRPC has its health service",
    "GET /healthz": "gRPC has its health service",
}


def test_every_address_has_its_method_or_a_reason_to_have_none() -> None:
    routes = {
        f"{verb} {endpoint.route.path}"
        for group in GROUPS
        for endpoint in group.listed
        for verb in endpoint.route.methods or ()
    }
    assert routes == {*SAME, *HTTP_ALONE}
    assert set(SAME.values()) == set(METHODS)


def test_an_address_and_its_method_admit_the_same_callers() -> None:
    made = Made()
    edge = create_app(lambda: made.engine)
    kinds = {
        f"{verb} {endpoint.route.path}": endpoint.kind
        for endpoint in edge.app.app.state.endpoints  # type: ignore[attr-defined]
        for verb in endpoint.route.methods or ()
    }
    made.engine.close()
    assert {address: kinds[address] for address in SAME} == {
        address: METHODS[method].endpoint for address, method in SAME.items()
    }


def test_the_client_asks_whatever_the_api_has() -> None:
    asked = set()
    for name, verb in vars(Verbs).items():
        say = getattr(Client, name) if isinstance(verb, Verb) else None
        if say is None or inspect.isclass(say):  # a talk, which is made of calls
            continue
        needed = [one for one in inspect.signature(say).parameters.values() if one.default is one.empty]
        given = {
            one.name: {} if "Mapping" in str(one.annotation) else "ID"
            for one in needed
            if one.kind is not one.VAR_KEYWORD
        }
        call = say(**given)
        asked.add(f"{call.method} {call.path}")
    wanted = {re.sub(r"\{\w+:path\}", "ID", route) for route in SAME}
    assert wanted - asked == {"POST /api/v1/rules"}  # put_rule with only_new
    assert asked - wanted == {"GET /api/v1/status"}

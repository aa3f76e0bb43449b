"""Every URL of the server, on one page."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastapi import Depends, Security

from ingest_server.access import media
from ingest_server.access import pages as access_pages
from ingest_server.accounts import pages as account_pages
from ingest_server.accounts import register_pages
from ingest_server.cases import api as cases
from ingest_server.cases import pages as case_pages
from ingest_server.context import DOCK_SIGNATURE, require_permission
from ingest_server.docks import api as docks
from ingest_server.docks import pages as dock_pages
from ingest_server.exports import api as exports
from ingest_server.exports import pages as export_pages
from ingest_server.health import show_health
from ingest_server.intake import api as intake
from ingest_server.jobs import api as jobs
from ingest_server.jobs import pages as work_pages
from ingest_server.ledger import api as ledger
from ingest_server.ledger import export_pages as log_export_pages
from ingest_server.ledger import pages as log_pages
from ingest_server.overview import pages as overview_pages
from ingest_server.permissions import Permission
from ingest_server.policy import api as policy
from ingest_server.recorders import pages as recorder_pages
from ingest_server.recordings import api as recordings
from ingest_server.recordings import pages as recording_pages
from ingest_server.searching import link_pages
from ingest_server.searching import pages as search_pages
from ingest_server.store import api as store
from ingest_server.web import static_files

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from fastapi import FastAPI


def add_routes(app: FastAPI) -> None:
    """Add every route: what programs ask for, and what people look at."""
    _add_api(app)
    _add_pages(app)


def _add_api(app: FastAPI) -> None:
    """What programs ask for; each but health, enrolment, docks', the ledger's and parts' needs a bearer token."""
    get, post = app.get, app.post
    may = {permission: [Depends(require_permission(permission))] for permission in Permission}

    get("/api/v1/health", tags=["health"])(show_health)

    limited = [Depends(docks.limit_attempts)]
    post("/enrolment/v1/begin", tags=["enrolment"], dependencies=limited)(docks.post_begin)
    post("/enrolment/v1/finish", tags=["enrolment"], dependencies=limited)(docks.post_finish)

    signed = [Security(DOCK_SIGNATURE)]
    get("/dock/v1/status", tags=["dock"], dependencies=signed)(intake.show_status)
    post("/dock/v1/heartbeats", tags=["dock"], dependencies=signed, status_code=204)(docks.post_heartbeat)
    post("/dock/v1/dockings", tags=["dock"], dependencies=signed)(intake.post_docking)
    post("/dock/v1/dockings/{docking_id}/close", tags=["dock"], dependencies=signed, status_code=204)(intake.post_close)
    post("/dock/v1/intakes", tags=["dock"], dependencies=signed)(intake.post_intake)
    post("/dock/v1/intakes/known", tags=["dock"], dependencies=signed)(intake.post_known)
    get("/dock/v1/intakes/{intake_id}/parts", tags=["dock"], dependencies=signed)(intake.get_parts)
    post("/dock/v1/intakes/{intake_id}/parts", tags=["dock"], dependencies=signed)(intake.post_parts)
    post("/dock/v1/intakes/{intake_id}/complete", tags=["dock"], dependencies=signed)(intake.post_complete)
    post("/dock/v1/intakes/{intake_id}/abort", tags=["dock"], dependencies=signed, status_code=204)(intake.post_abort)
    post("/dock/v1/presentations", tags=["dock"], dependencies=signed)(intake.post_presentation)
    post("/dock/v1/receipts", tags=["dock"], dependencies=signed)(intake.post_receipt)
    post("/dock/v1/clearings", tags=["dock"], dependencies=signed, status_code=204)(intake.post_clearing)
    app.put("/store/v1/parts/{key:path}", tags=["dock"])(store.put_part)

    auditor = [Depends(ledger.require_auditor)]
    get("/ledger/checkpoint", tags=["ledger"], dependencies=auditor)(ledger.get_checkpoint)
    get("/ledger/tile/{path:path}", tags=["ledger"], dependencies=auditor)(ledger.get_tile)

    reading = may[Permission.RECORDING_READ]
    get("/api/v1/recordings", tags=["recordings"], dependencies=reading)(recordings.get_recordings)
    get("/api/v1/recordings/{evidence_id}", tags=["recordings"], dependencies=reading)(recordings.get_one_recording)
    history = may[Permission.RECORDING_HISTORY]
    get("/api/v1/recordings/{evidence_id}/history", tags=["recordings"], dependencies=history)(recordings.get_history)

    # Agencies write case numbers such as 2026/0001: a number may hold slashes.
    case_reading = may[Permission.CASEFILE_READ]
    get("/api/v1/casefiles", tags=["casefiles"], dependencies=case_reading)(cases.get_casefiles)
    post("/api/v1/casefiles", tags=["casefiles"])(cases.post_casefile)
    get("/api/v1/casefiles/{number:path}", tags=["casefiles"], dependencies=case_reading)(cases.get_casefile)
    post("/api/v1/casefiles/{number:path}/attachments", tags=["casefiles"])(cases.post_attachment)
    post("/api/v1/casefiles/{number:path}/detachments", tags=["casefiles"])(cases.post_detachment)
    post("/api/v1/casefiles/{number:path}/exports", tags=["casefiles"])(exports.post_export)

    get("/api/v1/docks", tags=["registers"], dependencies=may[Permission.DOCK_READ])(docks.get_docks)
    get("/api/v1/recorders", tags=["registers"], dependencies=may[Permission.DOCK_READ])(docks.get_recorders)
    get("/api/v1/work", tags=["work"], dependencies=may[Permission.WORK_READ])(jobs.get_work_state)
    get("/api/v1/policy", tags=["policy"], dependencies=may[Permission.POLICY_READ])(policy.get_policy)


def _add_pages(app: FastAPI) -> None:
    """What people look at: GET shows, POST changes; each handler says which permission it needs.

    Pages are not part of the API's description: they may change with any version.
    """

    def page(path: str, show: Callable[..., Any], change: Callable[..., Any] | None = None) -> None:
        app.get(path, include_in_schema=False)(show)
        if change is not None:
            app.post(path, include_in_schema=False)(change)

    def form(path: str, change: Callable[..., Any]) -> None:
        app.post(path, include_in_schema=False)(change)

    page("/static/{digest}/{name:path}", static_files.get_static)
    page("/signin", account_pages.get_signin, account_pages.post_signin)
    page("/link", account_pages.get_link, account_pages.post_link)
    form("/signout", account_pages.post_signout)
    form("/language", account_pages.post_language)
    page("/me", account_pages.get_me)
    form("/me/password", account_pages.post_password)
    form("/me/sessions/{session_id}/end", account_pages.post_end_session)

    page("/", overview_pages.get_overview)

    _add_search_pages(page, form)

    one = "/recordings/{evidence_id}"
    page(one, recording_pages.get_recording)
    page(f"{one}/history", recording_pages.get_history)
    page(f"{one}/lock", recording_pages.get_lock)
    page(f"{one}/proofs/{{index}}", recording_pages.get_proof)
    form(f"{one}/access", access_pages.post_access)
    form(f"{one}/access/end", access_pages.post_end)
    form(f"{one}/access/revoke", access_pages.post_revoke)
    form(f"{one}/download", access_pages.post_download)
    form(f"{one}/notes", recording_pages.post_note)
    form(f"{one}/labels", recording_pages.post_label)
    form(f"{one}/labels/remove", recording_pages.post_unlabel)
    form(f"{one}/restriction", recording_pages.post_restrict)
    form(f"{one}/attach", recording_pages.post_attach)
    form(f"{one}/detach", recording_pages.post_detach)
    app.api_route("/media/{grant_id}/{evidence_id}", methods=["GET", "HEAD"], include_in_schema=False)(media.get_media)
    page("/media/{grant_id}/{evidence_id}/{kind}/{place}", media.get_picture)

    page("/work", work_pages.get_work)
    form("/work/pause", work_pages.post_pause)
    form("/work/resume", work_pages.post_resume)
    page("/work/{job_id}", work_pages.get_job_page)
    form("/work/{job_id}/cancel", work_pages.post_cancel)
    form("/work/{job_id}/again", work_pages.post_again)

    _add_casefile_pages(page, form)
    _add_log_pages(page, form)
    _add_register_pages(page, form)


def _add_casefile_pages(page: Callable[..., None], form: Callable[..., None]) -> None:
    """Case files, their text records and packages."""
    casefile = "/casefiles/{casefile_id}"
    page("/casefiles", case_pages.get_casefiles, case_pages.post_casefile)
    page(casefile, case_pages.get_casefile_page)
    page(f"{casefile}/attach", case_pages.get_attach)
    form(f"{casefile}/attachments", case_pages.post_attach)
    form(f"{casefile}/detachments", case_pages.post_detach)
    form(f"{casefile}/documents", case_pages.post_document)
    form(f"{casefile}/documents/{{document_id}}/download", case_pages.post_document_download)
    form(f"{casefile}/documents/{{document_id}}/remove", case_pages.post_document_removal)
    page(f"{casefile}/exports", export_pages.get_exports, export_pages.post_export)
    page(f"{casefile}/exports/{{job_id}}", export_pages.get_export)
    form(f"{casefile}/exports/{{job_id}}/cancel", export_pages.post_cancel)
    form(f"{casefile}/exports/{{job_id}}/again", export_pages.post_again)
    form(f"{casefile}/exports/{{job_id}}/download", export_pages.post_package)


def _add_register_pages(page: Callable[..., None], form: Callable[..., None]) -> None:
    """Docks, recorders and their holders; accounts, officers and units."""
    page("/docks", dock_pages.get_docks, dock_pages.post_dock)
    page("/docks/unreported", dock_pages.get_unreported)
    page("/docks/{dock_id}", dock_pages.get_dock_page)
    page("/docks/{dock_id}/revoke", dock_pages.get_revoke, dock_pages.post_revoke)
    page("/recorders", recorder_pages.get_recorders)
    page("/recorders/register", recorder_pages.get_register)
    page("/recorders/{recorder_id}", recorder_pages.get_recorder_page)
    form("/recorders/{recorder_id}/issue", recorder_pages.post_issue)
    form("/recorders/{recorder_id}/return", recorder_pages.post_return)

    account = "/registers/accounts/{account_id}"
    page("/registers", register_pages.get_registers)
    page("/registers/sign-in-failures", overview_pages.get_sign_in_failures)
    form("/registers/accounts", register_pages.post_account)
    form("/registers/officers", register_pages.post_officer)
    form("/registers/units", register_pages.post_unit)
    page(account, register_pages.get_account_page, register_pages.post_account_change)
    form(f"{account}/link", register_pages.post_account_link)
    form(f"{account}/sessions/{{session_id}}/end", register_pages.post_session_end)


def _add_search_pages(page: Callable[..., None], form: Callable[..., None]) -> None:
    """The list of recordings; its addresses come before those of one recording, which they would look like."""
    page("/recordings", search_pages.get_recordings)
    page("/recordings/linked", link_pages.get_linked)
    page("/recordings/thumbnails/{preview_id}/{evidence_id}", search_pages.get_thumbnail)
    form("/recordings/link", link_pages.post_link)
    form("/recordings/previews", search_pages.post_preview)
    form("/recordings/saved", search_pages.post_saved)
    form("/recordings/unlink", link_pages.post_unlink)


def _add_log_pages(page: Callable[..., None], form: Callable[..., None]) -> None:
    """The custody log, its records and proofs, and its export."""
    page("/log", log_pages.get_log)
    form("/log/review", log_pages.post_review)
    page("/log/export", log_export_pages.get_export_form, log_export_pages.post_export)
    page("/log/exports/{export_id}", log_export_pages.get_export)
    page("/log/exports/{export_id}/file", log_export_pages.get_export_file)
    form("/log/exports/{export_id}/cancel", log_export_pages.post_cancel)
    page("/log/{index}", log_pages.get_record)
    page("/log/{index}/proof", log_pages.get_proof)
    page("/log/{index}/proof.tlog-proof", log_pages.get_proof_file)
    page("/log/{index}/leaf.json", log_pages.get_leaf_file)
    page("/log/{index}/record.json", log_pages.get_record_file)
    form("/log/{index}/note", log_pages.post_note)

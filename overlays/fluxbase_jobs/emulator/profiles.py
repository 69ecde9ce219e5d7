"""The differences between server versions as data: one field for each difference, with the recording that shows it."""

from __future__ import annotations

from typing import Final

from attrs import frozen


@frozen
class Profile:
    """One version of the real server. A new version is a new instance below; no other module names a version."""

    name: str
    super_roles: frozenset[str]
    """Roles that pass every `require_roles`."""
    admin_roles: frozenset[str]
    """Roles that may use the admin routes."""
    tenant_admin_roles: frozenset[str]
    """Roles that may use the admin routes of the job queue, which are open to the admins of a tenant too."""
    auth_errors_have_codes: bool
    """Errors of the routes that create accounts and keys include `code` and `request_id` (auth_tokens)."""
    names_tenant: bool
    """The user in a sign-in response and listed functions have a `tenant_id` (auth_tokens; admin: `GET /functions`)."""
    hides_logs_until_restart: bool
    """Log lines written since the server started cannot be read until it restarts (lifecycle: `logs`)."""
    default_namespace_filter_matches: bool
    """`?namespace=default` selects the namespace `default`, not the one without a name (list_filters; admin: `GET /stats`)."""
    admin_jobs_need_no_queue: bool
    """`/admin/jobs` and `/admin/jobs/{id}` are aliases of the queue's routes (admin: `GET ?limit=1`)."""
    shows_workers: bool
    """The list of workers is filled; otherwise it is null (admin: `GET /workers`)."""
    unknown_route_needs_admin: bool
    """Unknown routes below /api/v1 answer 404 only to admins; others get 401 or 403 (submit_validation)."""
    reads_query_and_clientkey_header: bool
    """`?token=`, `?clientkey=` and the header `clientkey` are accepted as credentials (credentials)."""
    health_lists_services: bool
    """`/health` includes the state of each service for every caller (database_down)."""
    unconfigured_jobs_leave_admin_routes: bool
    """If jobs are not configured, their admin routes answer 500; otherwise these routes do not exist either (seen, not recorded)."""
    disabled_feature_is_not_found: bool
    """Routes of a feature whose flag is off answer 404; otherwise 503, naming the flag (seen on both servers, not recorded)."""
    racing_submits: int
    """How many simultaneous first requests with one Idempotency-Key are run (idempotency: `parallel`)."""
    loses_synced_code: bool
    """Synced functions are stored without their code, so their jobs fail (admin: `submit the synced job`)."""
    sync_always_succeeds: bool
    """The response to a sync has a success message and all keys, even if there were errors (admin: `sync`)."""
    scopes_begin_with_verb: bool
    """Scopes are spelled `read:jobs`, not `jobs:read` (credentials: `create a client key`)."""
    service_keys_have_types: bool
    """A service key has the role `service_role` or `anon` and any scopes; otherwise all have `service_role` (seen, not recorded)."""
    jobs_send_changes: bool
    """Realtime is enabled for the table jobs.queue, so that sockets can subscribe to changes of jobs (realtime)."""
    ends_silent_jobs: bool
    """A running job that reports no progress for its progress timeout is failed (seen, not recorded)."""
    spoils_connections: bool
    """A signed-in user's request can make the server deny existing jobs (seen, not recorded)."""
    service_key_names_are_unique: bool
    """Names of service keys are unique (seen, not recorded)."""


MARCH: Final = Profile(
    name="2026-03",
    super_roles=frozenset({"service_role", "dashboard_admin"}),
    admin_roles=frozenset({"admin", "dashboard_admin", "service_role"}),
    tenant_admin_roles=frozenset({"admin", "dashboard_admin", "service_role"}),
    auth_errors_have_codes=False,
    names_tenant=False,
    hides_logs_until_restart=False,
    default_namespace_filter_matches=True,
    admin_jobs_need_no_queue=False,
    shows_workers=True,
    unknown_route_needs_admin=True,
    reads_query_and_clientkey_header=False,
    health_lists_services=True,
    unconfigured_jobs_leave_admin_routes=False,
    disabled_feature_is_not_found=True,
    racing_submits=2,
    loses_synced_code=False,
    sync_always_succeeds=True,
    scopes_begin_with_verb=True,
    service_keys_have_types=False,
    jobs_send_changes=True,
    ends_silent_jobs=True,
    spoils_connections=False,
    service_key_names_are_unique=False,
)

APRIL: Final = Profile(
    name="2026-04",
    super_roles=frozenset({"service_role", "instance_admin", "tenant_service"}),
    admin_roles=frozenset({"admin", "instance_admin", "service_role"}),
    tenant_admin_roles=frozenset({"admin", "instance_admin", "service_role", "tenant_admin", "tenant_service"}),
    auth_errors_have_codes=True,
    names_tenant=True,
    hides_logs_until_restart=True,
    default_namespace_filter_matches=False,
    admin_jobs_need_no_queue=True,
    shows_workers=False,
    unknown_route_needs_admin=False,
    reads_query_and_clientkey_header=True,
    health_lists_services=False,
    unconfigured_jobs_leave_admin_routes=True,
    disabled_feature_is_not_found=False,
    racing_submits=1,
    scopes_begin_with_verb=False,
    service_keys_have_types=True,
    jobs_send_changes=False,
    ends_silent_jobs=False,
    spoils_connections=True,
    service_key_names_are_unique=True,
    loses_synced_code=True,
    sync_always_succeeds=False,
)

PROFILES: Final = {profile.name: profile for profile in (MARCH, APRIL)}
NEWEST: Final = APRIL

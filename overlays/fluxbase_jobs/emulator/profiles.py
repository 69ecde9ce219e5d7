"""What differs between the server's eras, as data: one line a difference, each seen in the recordings."""

from __future__ import annotations

from attrs import frozen


@frozen
class Profile:
    """One era of the server. A new era is a new instance below; nothing else in this package names an era."""

    name: str
    super_roles: frozenset[str]
    """Roles that pass every `require_roles`."""
    admin_roles: frozenset[str]
    """Roles that may use the admin routes."""
    tenant_admin_roles: frozenset[str]
    """Roles that may use those admin routes that are open to a tenant's own admins too: the job queue's."""
    auth_errors_have_codes: bool
    """Errors of the routes that make accounts and keys carry `code` and `request_id` (auth_tokens)."""
    names_tenant: bool
    """The user in a sign-in answer and the functions in a list have `tenant_id` (auth_tokens; admin: `GET /functions`)."""
    hides_logs_until_restart: bool
    """Lines written since the start are not readable before the next start (lifecycle: `logs`)."""
    default_namespace_filter_matches: bool
    """`?namespace=default` means the namespace default, not the one without a name (list_filters; admin: `GET /stats`)."""
    admin_jobs_need_no_queue: bool
    """`/admin/jobs` and `/admin/jobs/{id}` are the queue's routes too (admin: `GET ?limit=1`)."""
    shows_workers: bool
    """The list of workers has them; else it is null (admin: `GET /workers`)."""
    unknown_route_needs_admin: bool
    """Unknown routes below /api/v1 ask for an admin role before they are 404 (submit_validation)."""
    reads_query_and_clientkey_header: bool
    """`?token=`, `?clientkey=` and the header `clientkey` are credentials (credentials)."""
    health_lists_services: bool
    """`/health` tells everybody the state of its services (database_down)."""
    unconfigured_jobs_leave_admin_routes: bool
    """Without jobs in the configuration their admin routes answer 500; else those are gone too (seen, not recorded)."""
    disabled_feature_is_not_found: bool
    """A feature whose flag is off is a 404; else a 503 that names the flag (seen on both servers, not recorded)."""
    racing_submits: int
    """How many simultaneous first requests with one Idempotency-Key may run (idempotency: `parallel`)."""
    loses_synced_code: bool
    """Functions that came by sync have no code, so that their jobs fail (admin: `submit the synced job`)."""
    sync_always_succeeds: bool
    """A sync's answer has a message of success and all keys, errors or not (admin: `sync`)."""
    scopes_begin_with_verb: bool
    """Scopes are called `read:jobs`, not `jobs:read` (credentials: `create a client key`)."""
    service_keys_have_types: bool
    """A service key is for the service role or anon, and its scopes are free; else all have the service role (seen, not recorded)."""
    service_key_names_are_unique: bool
    """The name of a service key can be used once (seen, not recorded)."""


MARCH = Profile(
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
    service_key_names_are_unique=False,
)

APRIL = Profile(
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
    service_key_names_are_unique=True,
    loses_synced_code=True,
    sync_always_succeeds=False,
)

PROFILES = {profile.name: profile for profile in (MARCH, APRIL)}
NEWEST = APRIL

"""Ways to break what `engine.invariants.tenancy` holds, each of them alone."""

from tests.engine.check_world import World
from tests.engine.corruptions.form import breaks


@breaks("tables_keep_tenants_apart")
def a_table_open_to_all(world: World) -> None:
    world.tx.run("ALTER TABLE credential DISABLE ROW LEVEL SECURITY")


@breaks("tables_keep_tenants_apart")
def a_table_open_to_its_owner(world: World) -> None:
    world.tx.run("ALTER TABLE organisation NO FORCE ROW LEVEL SECURITY")


@breaks("tables_keep_tenants_apart")
def a_policy_that_lets_everybody_in(world: World) -> None:
    world.tx.run("CREATE POLICY for_support ON credential USING (true)")


@breaks("tables_keep_tenants_apart")
def a_new_table_without_a_policy(world: World) -> None:
    world.tx.run("CREATE TABLE note (organisation_id uuid, id uuid, words text)")


@breaks("application_is_bound_by_policies")
def an_application_that_owns_a_table(world: World) -> None:
    world.tx.run("ALTER TABLE extra OWNER TO termbook_app")


@breaks("what_is_written_for_good_stays")
def a_history_that_can_be_rewritten(world: World) -> None:
    world.tx.run("GRANT UPDATE ON status_event TO termbook_app")


@breaks("what_is_written_for_good_stays")
def a_ledger_that_no_trigger_guards(world: World) -> None:
    world.tx.run("ALTER TABLE ledger_posting DISABLE TRIGGER append_only")

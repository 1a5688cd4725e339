"""The staff portal: today's sessions, the roll at the door, sign-outs and the signatures that are missing."""

from web.staff import rolls, sign_outs, today, worker

ROUTERS = (today.router, rolls.router, sign_outs.router, worker.router)

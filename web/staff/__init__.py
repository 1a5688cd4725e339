"""The staff portal: today's sessions, the roll at the door, sign-outs and the signatures that are missing."""

from web.staff import rolls, sign_outs, today, words, worker

ROUTERS = (today.router, rolls.router, sign_outs.router, words.router, worker.router)

"""Moving in: reads the live schedules of other schedulers, and makes tasks of them.

::

    source ──records──▶ redbeat | apscheduler | rq_scheduler | celery_beat | npm ──▶ Carried or LeftOut ──▶ lines
    (asks the peer's      (pure: one record of a peer at a time)                        (of a backup, for `restore`)
     server or file)

Nothing of a peer is changed, and no Python object of a peer is ever made: `inert` reads pickles, and calls nothing.
"""

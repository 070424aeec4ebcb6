#!/bin/bash
# gunicorn 20.1.0 (Debian 12): when READY=1 is sent (sd_notify).
# Expected: once a worker has loaded the application and serves, as "ready" says.
# Seen: before any worker is forked; an application that cannot be imported is READY first and exits with 3 after it.
# sm: such a service needs `ready` by http, not by notify; see docs/recipes.md.
. "$(dirname "$0")/common"
debs gunicorn=20.1.0-6+deb12u1 python3-gunicorn=20.1.0-6+deb12u1 python3-pkg-resources=66.1.1-1+deb12u2
echo 'raise RuntimeError("this application cannot be imported")' > "$here/application.py"
cat > "$here/gunicorn" <<RUN
import re, sys
sys.path[:0] = ["$here/root/usr/lib/python3/dist-packages"]
from gunicorn.app.wsgiapp import run
sys.argv = ["gunicorn", "--chdir", "$here", "--bind", "127.0.0.1:$(free_port)", "application:app"]
sys.exit(run())
RUN
seen=$(/usr/bin/python3 "$(dirname "$0")/notified" 20 -- /usr/bin/python3 "$here/gunicorn")
same "first" "READY=1 STATUS=Gunicorn arbiter booted" "$(sed -n 1p <<< "$seen")"
same "then" "exit 3" "$(sed -n '$p' <<< "$seen")"

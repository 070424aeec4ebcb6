#!/bin/bash
# foreman 0.87.2 (Debian 12): $PORT_ADMIN, and '$PORT' in single quotes, in a Procfile.
# Expected: the line is a shell's: another variable, and the text as it is.
# Seen: before any shell foreman puts its variables in wherever their names are: PORT_ADMIN is never looked at.
# sm: `smctl import` leaves both to the shell, and says so of the first.
. "$(dirname "$0")/common"
debs ruby-foreman=0.87.2-2 ruby=1:3.1 ruby3.1=3.1.7+really3.1.2-0+deb12u1 libruby3.1=3.1.7+really3.1.2-0+deb12u1 \
  libyaml-0-2=0.2.5-1
export RUBYLIB="$here/root/usr/lib/ruby/3.1.0:$here/root/usr/lib/x86_64-linux-gnu/ruby/3.1.0"
foreman=$here/root/usr/share/rubygems-integration/all/gems/foreman-0.87.2
# In a session of its own: at its end foreman signals its process group.
starts() { (cd "$here/app" && setsid -w timeout 20 "$here/root/usr/bin/ruby3.1" -I "$foreman/lib" "$foreman/bin/foreman" start 2>&1 || true); }
mkdir "$here/app"
printf '%s\n' "web: echo \$PORT_ADMIN '\$PORT' \$PORT" > "$here/app/Procfile"
seen=$(PORT_ADMIN=7000 starts)
same "\$PORT_ADMIN '\$PORT' \$PORT" "5000_ADMIN 5000 5000" "$(grep -o '5000_ADMIN.*' <<< "$seen" | head -1)"

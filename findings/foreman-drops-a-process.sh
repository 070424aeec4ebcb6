#!/bin/bash
# foreman 0.87.2 (Debian 12): a process whose name has a dot, or that is indented, in a Procfile.
# Expected: it runs, or the file is refused.
# Seen: it does not run, nothing says so, and the others do.
# sm: `smctl import` makes a service of it, and says that foreman does not.
. "$(dirname "$0")/common"
debs ruby-foreman=0.87.2-2 ruby=1:3.1 ruby3.1=3.1.7+really3.1.2-0+deb12u1 libruby3.1=3.1.7+really3.1.2-0+deb12u1 \
  libyaml-0-2=0.2.5-1
export RUBYLIB="$here/root/usr/lib/ruby/3.1.0:$here/root/usr/lib/x86_64-linux-gnu/ruby/3.1.0"
foreman=$here/root/usr/share/rubygems-integration/all/gems/foreman-0.87.2
# In a session of its own: at its end foreman signals its process group.
starts() { (cd "$here/app" && setsid -w timeout 20 "$here/root/usr/bin/ruby3.1" -I "$foreman/lib" "$foreman/bin/foreman" start 2>&1 || true); }
mkdir "$here/app"
printf '%s\n' 'web: echo ran-web; sleep 1' 'mail.worker: echo ran-mail' '  clock: echo ran-clock' > "$here/app/Procfile"
same "web mail.worker clock" "ran-web" "$(starts | grep -o 'ran-[a-z]*' | sort -u | paste -sd' ')"

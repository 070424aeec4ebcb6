#!/bin/bash
# fugit 1.5.2 (Debian 12), the cron reader of resque-scheduler and sidekiq-cron: "30 2 * * *" in Europe/Berlin.
# Expected: once each day, on the two days of the change as well, as cron(8) has it.
# Seen: not at all on the day in spring (02:30 does not exist), and twice on the day in autumn (00:30Z and 01:30Z).
# sm: once on each of the two; see docs/queue.md. A schedule brought over from Ruby differs there.
. "$(dirname "$0")/common"
debs ruby-fugit=1.5.2-1 ruby-et-orbi=1.2.2-1 ruby-raabro=1.4.0-1 ruby-tzinfo=2.0.5-1 ruby-concurrent=1.1.6+dfsg-5 \
  ruby=1:3.1 ruby3.1=3.1.7+really3.1.2-0+deb12u1 libruby3.1=3.1.7+really3.1.2-0+deb12u1 libyaml-0-2=0.2.5-1
paths=()
while read -r folder; do paths+=(-I "$folder"); done < <(find "$here/root/usr" -type d \( -name lib -path '*gems*' -o -name vendor_ruby -o -name concurrent-ruby \))
cat > "$here/days.rb" <<'RUBY'
require 'fugit'
cron = Fugit.parse_cron('30 2 * * * Europe/Berlin')
%w[2026-03-28T12:00:00Z 2026-10-24T12:00:00Z].each do |from|
  time = EtOrbi.parse(from)
  puts 2.times.map { time = cron.next_time(time); time.utc.strftime('%m-%dT%H:%MZ') }.join(' ')
end
RUBY
export RUBYLIB="$here/root/usr/lib/ruby/3.1.0:$here/root/usr/lib/x86_64-linux-gnu/ruby/3.1.0"
seen=$("$here/root/usr/bin/ruby3.1" --disable-gems "${paths[@]}" "$here/days.rb")
same "from 2026-03-28" "03-30T00:30Z 03-31T00:30Z" "$(sed -n 1p <<< "$seen")"
same "from 2026-10-24" "10-25T00:30Z 10-25T01:30Z" "$(sed -n 2p <<< "$seen")"

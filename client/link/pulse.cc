#include "client/link/pulse.h"

#include <algorithm>
#include <cstdio>
#include <utility>

namespace rdev::link_process {

bool Pulse::heard(Time now) {
  const bool doubtful = !challenge_ && doubted(now);
  if (doubtful) {
    challenge_ = {.why = doubt(now), .since = now};
  }
  heard_ = now;
  waits_.reset();
  probed_.reset();
  return doubtful;
}

void Pulse::wrote(Time now) {
  if (!waits_) {
    waits_ = now;
  }
}

void Pulse::probed(Time now) { probed_ = now; }

void Pulse::challenged(Time now, std::string why, Duration grace) {
  const Time since = challenge_ ? challenge_->since : now + grace;
  challenge_ = {.why = std::move(why), .since = since};
}

void Pulse::answered() { challenge_.reset(); }

void Pulse::slept(Duration time) {
  heard_ += time;
  for (auto* moment : {&waits_, &probed_}) {
    if (*moment) {
      **moment += time;
    }
  }
}

// An answer usually comes within a round trip: who types after a pause is not asked at once.
Pulse::Time Pulse::probe_at() const {
  return waits_ ? std::max(heard_ + limits_.silence / 4, *waits_ + limits_.silence / 10)
                : heard_ + limits_.silence * 3 / 4;
}

Pulse::Time Pulse::silence_at() const {
  // The line may just be slow: 2 s there and back, a lost packet on top.
  return std::max(heard_ + limits_.silence / 2,
                  probed_.value_or(probe_at()) + std::max(limits_.silence / 4, 2 * round_trip_));
}

bool Pulse::doubted(Time now) const {
  return (challenge_ && now >= challenge_->since) || (probed_ && now >= silence_at());
}

std::string Pulse::doubt(Time now) const {
  if (!doubted(now)) {
    return "";
  }
  if (challenge_ && now >= challenge_->since) {
    return challenge_->why;
  }
  char text[64];
  std::snprintf(text, sizeof text, "nothing heard for %.1f s",
                std::chrono::duration<double>(now - heard_).count());
  return text;
}

Pulse::Time Pulse::next(Time now) const {
  Time next = heard_ + limits_.dead;
  if (!probed_ && !waits_ && heard_ + limits_.silence / 4 > now) {
    return heard_ + limits_.silence / 4;  // data may wait by then, of which nobody tells
  }
  for (const Time moment :
       {probed_ ? silence_at() : probe_at(), challenge_ ? challenge_->since : next}) {
    next = moment > now ? std::min(next, moment) : next;
  }
  return next;
}

}  // namespace rdev::link_process

#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace rdev::link_process {

// Whether a connection still lives, by what was heard and sent over it. Time goes in.
//
// The peer's heartbeats come every half of `silence`. Data that waits for an answer makes the
// matter urgent, but not each frame has one, so the peer is asked for one first (a probe). A
// connection in doubt is not given up: another one is tried beside it.
class Pulse final {
 public:
  using Clock = std::chrono::steady_clock;
  using Time = Clock::time_point;
  using Duration = Clock::duration;

  struct Limits {
    Duration silence;  // then in doubt; half as long while data waits
    Duration dead;     // then dead, whatever becomes of another connection
  };
  Pulse(Limits limits, Time now) : limits_(limits), heard_(now) {}

  // True: the peer is to be asked, for it was in doubt, and this proves one direction only: what we
  // send may still wait for the kernel to repeat it, ever more rarely. Its answer ends the doubt.
  [[nodiscard]] bool heard(Time now);
  // Stream frames go out.
  void wrote(Time now);
  // An answer is asked for.
  void probed(Time now);
  void round_trip(Duration time) { round_trip_ = time; }
  // Something happened after which the connection may be dead: in doubt after `grace` unless the
  // answer to what is asked now comes before. Hearing other things proves nothing: what was on its
  // way still arrives.
  void challenged(Time now, std::string why, Duration grace);
  void answered();
  // For so long this process did not look.
  void slept(Duration time);

  bool probe_due(Time now) const { return !probed_ && now >= probe_at(); }
  bool doubted(Time now) const;
  bool dead(Time now) const { return now >= heard_ + limits_.dead; }
  // Why it is doubted, for a person.
  std::string doubt(Time now) const;
  Duration silent_for(Time now) const { return now - heard_; }
  // When to look again unless something was heard. Frames that are written earlier than a quarter
  // of `silence` after that change nothing about it; later ones do.
  Time next(Time now) const;

 private:
  Time probe_at() const;
  Time silence_at() const;

  const Limits limits_;
  Time heard_;
  std::optional<Time> waits_;   // the first frame after heard_
  std::optional<Time> probed_;  // after heard_
  Duration round_trip_{};
  struct Challenge {
    std::string why;
    Time since;
  };
  std::optional<Challenge> challenge_;
};

}  // namespace rdev::link_process

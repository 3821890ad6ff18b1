#include "tests/sim/end.h"

#include <algorithm>

namespace rdev::sim {
namespace {

using mux::kLanes;
using mux::Lane;

constexpr Lane kLane[] = {Lane::kData, Lane::kStderr, Lane::kControl};

std::size_t index(Lane lane) { return static_cast<std::size_t>(lane); }

// The byte at an offset of a lane: others than those of any other lane, and of any other offset.
struct Content {
  std::uint32_t key;
  Content(mux::StreamId id, std::size_t side, Lane lane)
      : key(static_cast<std::uint32_t>((id ^ (id >> 32U)) * 6 + side * 3 + index(lane))) {}
  char at(std::uint64_t offset) const {
    const auto mixed = (static_cast<std::uint32_t>(offset) + key * 0x9e3779b1U) * 0x85ebca6bU;
    return static_cast<char>(mixed >> 24U);
  }
};

// What goes at a time when memory is short.
std::uint64_t least(const mux::Options& options) {
  return options.memory ? options.memory->least() : ~std::uint64_t{0};
}

constexpr stream::Refusal kReason = stream::Refusal::kConnectFailed;

}  // namespace

End::End(Random& random, Talk& talk, std::size_t side, mux::Mux& its, const mux::Options& options,
         const mux::Options& peers)
    : phase(side == 0 ? Phase::kAsked : Phase::kDeciding),
      mux(its),
      random_(random),
      talk_(talk),
      side_(side),
      options_(options) {
  using enum Leaving;
  leaving_ = random.one_of({kPolite, kPolite, kPolite, kPolite, kLast, kWriteAndClose,
                            kWriteAndClose, kBreakOff, kClose, kReset});
  const End* const first = talk.ends[0].get();
  if (side == 1 && first->leaving_ == kLast && leaving_ == kLast) {
    leaving_ = kPolite;  // one of them has to go
  }
  reads_late_ = random.percent(10) && (side == 0 || !first->reads_late_);
  answer_ = random.percent(85) ? Answer::kAccept
                               : random.one_of({Answer::kRefuse, Answer::kReset, Answer::kClose});
  patience_ = random.up_to(random.percent(50) ? 10 : 300);
  piece_ = random.one_of<std::size_t>({1, 50, 3000, 65536});
  for (const Lane lane : kLane) {
    const std::uint64_t window = std::min(
        {options.windows[index(lane)], peers.windows[index(lane)], least(options), least(peers)});
    const std::uint64_t most =
        std::min<std::uint64_t>({40 * window, 60 * piece_, std::uint64_t{150'000}});
    left_[index(lane)] = random.percent(40) ? 0 : random.up_to(most);
  }
}

std::uint64_t End::most_window(std::size_t lane) const {
  return lane == 0 ? std::max(options_.windows[0], options_.most_window) : options_.windows[lane];
}

bool End::act() {
  if (phase == Phase::kDeciding) {
    return answer();
  }
  if (leave()) {
    return true;
  }
  const Lane lane = kLane[random_.below(kLanes)];
  return random_.percent(50) ? write(lane) : read_some(lane);
}

bool End::answer() {
  if (patience_-- > 0) {
    return true;
  }
  patience_ = random_.up_to(300);
  switch (answer_) {
    case Answer::kAccept:
      talk_.answer = random_.percent(50) ? "" : "answer " + std::to_string(talk_.id);
      mux.accept(talk_.id, talk_.answer);
      phase = Phase::kTalking;
      break;
    case Answer::kRefuse:
      talk_.refusal = "no, not " + std::to_string(talk_.id);
      mux.refuse(talk_.id, kReason, talk_.refusal);
      phase = Phase::kOver;
      break;
    case Answer::kReset:
      reset();
      break;
    case Answer::kClose:
      talk_.refusal = "nobody answered";
      mux.close(talk_.id);
      phase = Phase::kOver;
      break;
  }
  return true;
}

bool End::leave() {
  switch (leaving_) {
    case Leaving::kLast:
    case Leaving::kPolite:
      if (at_end_[0] && at_end_[1] && all_written() &&
          (leaving_ == Leaving::kPolite || at_end_[2])) {
        close();
        return true;
      }
      return false;
    case Leaving::kWriteAndClose:
    case Leaving::kBreakOff:
      if (all_written()) {
        if (leaving_ == Leaving::kBreakOff) {
          break_off();
        }
        close();
        return true;
      }
      return false;
    case Leaving::kClose:
    case Leaving::kReset:
      if (patience_-- > 0) {
        return false;
      }
      leaving_ == Leaving::kClose ? close() : reset();
      return true;
  }
  return false;
}

bool End::write(Lane lane) {
  const std::size_t l = index(lane);
  if (left_[l] == 0) {
    if (finished[l] || lane == Lane::kControl) {
      return false;
    }
    mux.finish(talk_.id, lane);
    finished[l] = true;
    return true;
  }
  if (blocked_[l]) {
    return false;
  }
  std::string bytes(std::min<std::uint64_t>(left_[l], random_.up_to(piece_)), '\0');
  const Content content(talk_.id, side_, lane);
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    bytes[i] = content.at(written[l] + i);
  }
  const std::size_t n = mux.write(talk_.id, lane, bytes);
  if (n > bytes.size()) {
    wrong("write() took more than there was");
  }
  if (mux.closed_by_peer(talk_.id)) {
    left_[l] = 0;
    if (n < bytes.size()) {
      wrong("write() after the peer's close took less than all");
    }
    return true;
  }
  written[l] += n;
  left_[l] -= n;
  blocked_[l] = n < bytes.size();
  const End* const reader = other();
  if (reader == nullptr || !reader->closed) {
    const std::uint64_t taken = reader == nullptr ? 0 : reader->read[l];
    if (written[l] - taken > most_window(l)) {
      wrong("write() took more than the window");
    }
  }
  return true;
}

bool End::read_some(Lane lane) {
  const std::size_t l = index(lane);
  if (hungry_[l] || at_end_[l] || (reads_late_ && !all_written())) {
    return false;
  }
  char buffer[65536];
  // Where there is much, single bytes would only take long.
  const std::size_t most = std::max(piece_, mux.readable(talk_.id, lane) / 8);
  const std::size_t n = mux.read(talk_.id, lane, buffer, random_.up_to(most));
  check_bytes(lane, buffer, n);
  read[l] += n;
  if (mux.at_end(talk_.id, lane)) {
    check_end(lane);
  } else if (n == 0) {
    hungry_[l] = true;
  }
  return true;
}

void End::check_bytes(Lane lane, const char* bytes, std::size_t n) {
  const Content content(talk_.id, 1 - side_, lane);
  for (std::size_t i = 0; i < n; ++i) {
    if (bytes[i] != content.at(read[index(lane)] + i)) {
      return wrong("byte " + std::to_string(read[index(lane)] + i) + " of lane " +
                   std::to_string(index(lane)) + " is another");
    }
  }
}

void End::check_end(Lane lane) {
  const std::size_t l = index(lane);
  at_end_[l] = true;
  char byte;
  if (mux.read(talk_.id, lane, &byte, 1) != 0 || mux.readable(talk_.id, lane) != 0) {
    wrong("bytes behind the end");
  }
  if (!other()->finished[l] || read[l] != other()->written[l]) {
    wrong("lane " + std::to_string(l) + " ends at " + std::to_string(read[l]) + " of " +
          std::to_string(other()->written[l]));
  }
  if (mux.broken(talk_.id, lane) != other()->broken[l]) {
    wrong("lane " + std::to_string(l) + " ends otherwise than it was ended");
  }
}

void End::break_off() {
  for (const Lane lane : {Lane::kData, Lane::kStderr}) {
    broken[index(lane)] = !finished[index(lane)];
  }
  mux.break_off(talk_.id);
}

void End::close() {
  std::fill(std::begin(finished), std::end(finished), true);
  closed = true;
  phase = Phase::kOver;
  mux.close(talk_.id);
}

void End::reset() {
  talk_.resets.push_back("reset by " + std::to_string(side_));
  closed = true;
  phase = Phase::kOver;
  mux.reset(talk_.id, talk_.resets.back());
}

void End::on_event(const mux::Event& event) {
  using Kind = mux::Event::Kind;
  if (phase == Phase::kOver) {
    return wrong("an event after close()");
  }
  const std::size_t l = index(event.lane);
  switch (event.kind) {
    case Kind::kOpened:
      return wrong("offered twice");
    case Kind::kAccepted:
      if (phase != Phase::kAsked || talk_.ends[1]->phase == Phase::kDeciding ||
          event.text != talk_.answer) {
        wrong("accepted with " + event.text);
      }
      phase = Phase::kTalking;
      return;
    case Kind::kReadable:
      hungry_[l] = false;
      if (phase != Phase::kTalking) {
        wrong("bytes before the answer");
      }
      if (mux.readable(talk_.id, event.lane) > most_window(l)) {
        wrong("more bytes are unread than the window");
      }
      return;
    case Kind::kWritable:
      if (!blocked_[l]) {
        wrong("writable without need");
      }
      blocked_[l] = false;
      return;
    case Kind::kRefused:
    case Kind::kReset:
      return over(event);
  }
}

// For the agent's bound, or a parent that was closed meanwhile; by another agent than the one that
// had heard of it, if one had.
bool End::refused_by_mux(const mux::Event& event) const {
  const bool fits = event.text.starts_with("too many streams")
                        ? event.refusal == stream::Refusal::kResourceShortage
                        : talk_.parent != 0 && event.text == "the stream above it is over";
  return fits && (!talk_.ends[1] || talk_.lost);
}

void End::over(const mux::Event& event) {
  if (event.kind == mux::Event::Kind::kReset) {
    if (std::find(talk_.resets.begin(), talk_.resets.end(), event.text) == talk_.resets.end()) {
      wrong("reset: " + event.text);
    }
  } else if (!refused_by_mux(event) && (event.text != talk_.refusal || phase != Phase::kAsked)) {
    wrong("refused: " + event.text);
  }
  phase = Phase::kOver;
}

const End* End::other() const { return talk_.ends[1 - side_].get(); }

void End::wrong(const std::string& what) {
  if (talk_.fault.empty()) {
    talk_.fault = what;
  }
}

std::string End::state() const {
  std::string all = "side " + std::to_string(side_) + " phase " +
                    std::to_string(static_cast<int>(phase)) + " leaving " +
                    std::to_string(static_cast<int>(leaving_)) + (closed ? " closed" : "");
  for (std::size_t l = 0; l < kLanes; ++l) {
    all += "; lane " + std::to_string(l) + ": wrote " + std::to_string(written[l]) + ", " +
           std::to_string(left_[l]) + " left" + (blocked_[l] ? ", blocked" : "") + ", read " +
           std::to_string(read[l]) +
           (at_end_[l]   ? ", at end"
            : hungry_[l] ? ", hungry"
                         : "");
  }
  return all;
}

}  // namespace rdev::sim

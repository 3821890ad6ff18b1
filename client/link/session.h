#pragma once

#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "client/link/pulse.h"
#include "client/link/router.h"
#include "protocol/base/asio.h"
#include "protocol/base/notify.h"
#include "protocol/base/task_group.h"
#include "protocol/link/flow.h"
#include "protocol/rdev.pb.h"
#include "protocol/stream/stream.h"

namespace rdev::link_process {

struct Timing {
  std::chrono::milliseconds welcome{10000};       // the agent's answer to HELLO
  std::chrono::milliseconds heartbeat{5000};      // how often
  std::chrono::milliseconds silence{10000};       // then in doubt; half of it while data waits
  std::chrono::milliseconds first_pause{1000};    // between tries, while `brisk`; then it doubles
  std::chrono::milliseconds longest_pause{8000};  // a fifth more or less
  std::chrono::milliseconds refused_pause{
      30000};                              // after an answer that time alone does not change
  std::chrono::milliseconds dead{30000};   // in doubt for that long in all; the agent takes 20 s
  std::chrono::milliseconds brisk{60000};  // since the link was good, or a network event
  // From one question to the cluster to the next, a fifth more or less.
  std::chrono::milliseconds ask_pause{4000};
  // A container that its engine starts anew counts as ended for a moment: where there has been a
  // connection, a job is over only when it still is after this.
  std::chrono::milliseconds restart{2000};
  // How long the streams of processes that this link process has never seen wait for these.
  std::chrono::milliseconds strangers{std::chrono::minutes(10)};
  // How long a link process that finds its job over waits for whoever has started it.
  std::chrono::milliseconds starter{3000};
};

// One connection to the agent, PROTOCOL.md section 2: HELLO and WELCOME, heartbeats, and the
// consumers' frames both ways. Whether it lives is its own judgement, what follows is its keeper's.
class Session final {
 public:
  // All must outlive it. `changed` is called when doubted() changes.
  Session(const asio::any_io_executor& executor, stream::Stream& carrier, Router& router,
          const Timing& timing, std::function<void()> changed);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // First of all. Code::kProtocol: the agent will have nothing to do with us, in its own words.
  awaitable<Result<Welcome>> greet(const Hello& hello);
  // Until the connection dies, and why. Code::kExists: another client has taken the session over.
  awaitable<Error> run();
  // run() returns soon.
  void stop(Error why) { finish(std::move(why)); }

  // Something happened after which the connection may be dead: it must prove that it is not.
  void challenge(const std::string& why);
  // The connection may be dead: another one is to be tried, and this one to be dropped when that
  // has come about, not before.
  bool doubted() const { return pulse_.doubted(Clock::now()); }
  std::string doubt() const { return pulse_.doubt(Clock::now()); }
  std::chrono::steady_clock::duration silent_for() const { return pulse_.silent_for(Clock::now()); }

  std::optional<std::chrono::microseconds> round_trip() const { return round_trip_; }
  // Of the agent's last heartbeat.
  const std::optional<Vitals>& vitals() const { return vitals_; }
  std::int64_t vitals_unix_ms() const { return vitals_unix_ms_; }

 private:
  using Clock = std::chrono::steady_clock;
  enum class Answer { kNow, kInTime };  // asked of the agent

  awaitable<Result<Welcome>> exchange(const Hello& hello);
  awaitable<void> receive();
  awaitable<void> send();
  awaitable<void> beat();
  awaitable<void> watch();
  awaitable<Result<void>> read_more();
  Result<void> take_frames();
  Result<void> on_frame(const Piece& frame);
  Result<void> on_heartbeat(std::string_view payload);
  Result<void> on_mark(std::string_view payload);
  void note_round_trip(const Heartbeat& beat);
  void send_heartbeat(Answer answer);
  void probe();
  void ask_for_proof();
  void mark_written(std::string_view batch);
  void mark_heard();
  void tell_doubt();
  void finish(Error why);

  asio::any_io_executor executor_;
  stream::Stream& carrier_;
  Router& router_;
  const Timing timing_;

  std::unique_ptr<char[]> buffer_;
  std::size_t have_ = 0;
  std::string process_id_;
  link::Flow flow_;
  Pulse pulse_;
  bool told_doubt_ = false;
  std::uint64_t challenge_us_ = 0;  // an echo of this or later answers it
  const std::function<void()> changed_;
  asio::steady_timer watch_;
  std::optional<Error> over_;
  base::Notify ended_;

  std::uint64_t peer_sent_us_ = 0;  // of the last heartbeat that came
  Clock::time_point peer_heard_;
  std::optional<std::chrono::microseconds> round_trip_;
  std::chrono::microseconds told_round_trip_{};  // the consumers
  std::optional<Vitals> vitals_;
  std::int64_t vitals_unix_ms_ = 0;
};

}  // namespace rdev::link_process

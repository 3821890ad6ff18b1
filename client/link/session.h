#pragma once

#include <chrono>
#include <memory>
#include <optional>
#include <string>

#include "client/link/router.h"
#include "protocol/base/asio.h"
#include "protocol/base/notify.h"
#include "protocol/base/task_group.h"
#include "protocol/rdev.pb.h"
#include "protocol/stream/stream.h"

namespace rdev::link_process {

struct Timing {
  std::chrono::milliseconds welcome{10000};    // the agent's answer to HELLO
  std::chrono::milliseconds heartbeat{5000};   // how often
  std::chrono::milliseconds silence{10000};    // then the connection is dead
  std::chrono::milliseconds first_pause{250};  // before dialling again; doubles
  std::chrono::milliseconds longest_pause{10000};
  std::chrono::milliseconds refused_pause{
      30000};  // after an answer that time alone does not change
  // How long the streams of processes that this link process has never seen wait for these.
  std::chrono::milliseconds strangers{std::chrono::minutes(10)};
};

// One connection to the agent, PROTOCOL.md section 2: HELLO and WELCOME, heartbeats, and the
// consumers' frames both ways.
class Session final {
 public:
  // All must outlive it.
  Session(const asio::any_io_executor& executor, stream::Stream& carrier, Router& router,
          const Timing& timing);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // First of all. Code::kProtocol: the agent will have nothing to do with us, in its own words.
  awaitable<Result<Welcome>> greet(const Hello& hello);
  // Until the connection dies, and why.
  awaitable<Error> run();

  std::optional<std::chrono::microseconds> round_trip() const { return round_trip_; }
  // Of the agent's last heartbeat.
  const std::optional<Vitals>& vitals() const { return vitals_; }
  std::int64_t vitals_unix_ms() const { return vitals_unix_ms_; }

 private:
  using Clock = std::chrono::steady_clock;

  awaitable<Result<Welcome>> exchange(const Hello& hello);
  awaitable<void> receive();
  awaitable<void> send();
  awaitable<void> beat();
  awaitable<void> watch();
  awaitable<Result<void>> read_more();
  Result<void> take_frames();
  Result<void> on_frame(const Piece& frame);
  Result<void> on_heartbeat(std::string_view payload);
  void finish(Error why);

  asio::any_io_executor executor_;
  stream::Stream& carrier_;
  Router& router_;
  const Timing timing_;

  std::unique_ptr<char[]> buffer_;
  std::size_t have_ = 0;
  Clock::time_point heard_;
  std::optional<Error> over_;
  base::Notify ended_;

  std::uint64_t peer_sent_us_ = 0;  // of the last heartbeat that came
  Clock::time_point peer_heard_;
  std::optional<std::chrono::microseconds> round_trip_;
  std::optional<Vitals> vitals_;
  std::int64_t vitals_unix_ms_ = 0;
};

}  // namespace rdev::link_process

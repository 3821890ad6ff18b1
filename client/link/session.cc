#include "client/link/session.h"

#include <algorithm>
#include <cstring>

#include "protocol/base/with_timeout.h"

namespace rdev::link_process {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} * 1024;
constexpr std::uint32_t kMajor = 1;

std::uint64_t micros(std::chrono::steady_clock::duration since) {
  return static_cast<std::uint64_t>(
      std::chrono::duration_cast<std::chrono::microseconds>(since).count());
}

std::string seconds(std::chrono::milliseconds time) {
  const auto ms = time.count();
  return std::to_string(ms / 1000) + (ms % 1000 == 0 ? "" : "." + std::to_string(ms % 1000 / 100)) +
         " s";
}

// `process_id`: ours.
Error goodbye(std::string_view payload, Code code, const std::string& process_id) {
  Goodbye said;
  said.ParseFromArray(payload.data(), static_cast<int>(payload.size()));
  const bool by_another = !said.taken_over_by().empty() && said.taken_over_by() != process_id;
  return {by_another ? Code::kExists : code, "the agent says: " + wire::sentence(said.reason())};
}

}  // namespace

Session::Session(const asio::any_io_executor& executor, stream::Stream& carrier, Router& router,
                 const Timing& timing, std::function<void()> changed)
    : executor_(executor),
      carrier_(carrier),
      router_(router),
      timing_(timing),
      buffer_(std::make_unique_for_overwrite<char[]>(kReadBytes)),
      pulse_({.silence = timing.silence, .dead = timing.dead}, Clock::now()),
      changed_(std::move(changed)),
      watch_(executor),
      ended_(executor) {}

awaitable<Result<void>> Session::read_more() {
  const auto n = co_await carrier_.read(asio::buffer(buffer_.get() + have_, kReadBytes - have_),
                                        stream::Lane::kData);
  if (!n) {
    co_return tl::make_unexpected(n.error());
  }
  if (*n == 0) {
    co_return fail(Code::kClosed, "the agent closed the connection");
  }
  have_ += *n;
  mark_heard();
  co_return Result<void>{};
}

awaitable<Result<Welcome>> Session::greet(const Hello& hello) {
  return base::with_timeout(exchange(hello), timing_.welcome, "the agent's welcome");
}

awaitable<Result<Welcome>> Session::exchange(const Hello& hello) {
  process_id_ = hello.process_id();
  const auto began = Clock::now();
  std::string frame;
  wire::append_frame(frame, {.type = wire::Type::kHello}, hello.SerializeAsString());
  if (auto sent = co_await carrier_.write(asio::buffer(frame), stream::Lane::kData); !sent) {
    co_return tl::make_unexpected(sent.error());
  }
  Result<std::optional<Piece>> first = std::optional<Piece>();
  while (first && !*first) {
    if (auto read = co_await read_more(); !read) {
      co_return tl::make_unexpected(read.error());
    }
    first = first_frame({buffer_.get(), have_});
  }
  Welcome welcome;
  if (first && (*first)->header.type == wire::Type::kGoodbye) {
    co_return tl::make_unexpected(goodbye((*first)->payload(), Code::kProtocol, process_id_));
  }
  const std::string_view payload = first ? (*first)->payload() : std::string_view();
  if (!first || (*first)->header.type != wire::Type::kWelcome ||
      !welcome.ParseFromArray(payload.data(), static_cast<int>(payload.size())) ||
      welcome.major() != kMajor) {
    co_return fail(
        Code::kProtocol,
        "what answers is no agent's link, or one of another version: start the job anew");
  }
  round_trip_ = std::chrono::microseconds(micros(Clock::now() - began));
  pulse_.round_trip(*round_trip_);
  const std::size_t used = (*first)->bytes.size();
  have_ -= used;
  std::memmove(buffer_.get(), buffer_.get() + used, have_);
  co_return welcome;
}

awaitable<Error> Session::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  base::TaskGroup tasks(executor_);
  tasks.spawn("link receive", receive());
  tasks.spawn("link send", send());
  tasks.spawn("link heartbeats", beat());
  tasks.spawn("link watch", watch());
  while (!over_) {
    co_await ended_.wait();
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
      finish({Code::kCancelled, "the link was stopped"});
    }
  }
  tasks.cancel();
  co_await tasks.wait();
  co_await asio::this_coro::throw_if_cancelled(true);  // it holds for the callers' frames, too
  co_return *over_;
}

void Session::finish(Error why) {
  if (!over_) {
    over_ = std::move(why);
    ended_.notify();
  }
}

awaitable<void> Session::receive() {
  for (;;) {
    if (const auto taken = take_frames(); !taken) {
      finish(taken.error());
      co_return;
    }
    if (const auto read = co_await read_more(); !read) {
      finish(read.error());
      co_return;
    }
  }
}

Result<void> Session::take_frames() {
  std::string_view rest(buffer_.get(), have_);
  for (;;) {
    const auto delivered = router_.deliver(rest);
    if (!delivered) {
      return tl::make_unexpected(delivered.error());
    }
    rest.remove_prefix(*delivered);
    const auto frame = first_frame(rest);
    if (!frame) {
      return tl::make_unexpected(frame.error());
    }
    if (!*frame) {
      break;
    }
    if (auto taken = on_frame(**frame); !taken) {
      return taken;
    }
    rest.remove_prefix((*frame)->bytes.size());
  }
  have_ = rest.size();
  std::memmove(buffer_.get(), rest.data(), have_);
  return {};
}

Result<void> Session::on_frame(const Piece& frame) {
  switch (frame.header.type) {
    case wire::Type::kHeartbeat:
      return on_heartbeat(frame.payload());
    case wire::Type::kGoodbye:
      return tl::make_unexpected(goodbye(frame.payload(), Code::kClosed, process_id_));
    case wire::Type::kHello:
    case wire::Type::kWelcome:
      return fail(Code::kProtocol, "the agent sent a greeting that nobody asked for");
    default:
      return {};
  }
}

Result<void> Session::on_heartbeat(std::string_view payload) {
  Heartbeat beat;
  if (!beat.ParseFromArray(payload.data(), static_cast<int>(payload.size()))) {
    return fail(Code::kProtocol, "the agent sent a heartbeat that cannot be read");
  }
  peer_heard_ = Clock::now();
  peer_sent_us_ = beat.sent_us();
  note_round_trip(beat);
  if (beat.has_vitals()) {
    vitals_ = beat.vitals();
    vitals_unix_ms_ = std::chrono::duration_cast<std::chrono::milliseconds>(
                          std::chrono::system_clock::now().time_since_epoch())
                          .count();
  }
  return {};
}

void Session::note_round_trip(const Heartbeat& beat) {
  const std::uint64_t now = micros(peer_heard_.time_since_epoch());
  if (beat.echo_us() == 0 || now < beat.echo_us() || now - beat.echo_us() < beat.echo_delay_us()) {
    return;
  }
  round_trip_ = std::chrono::microseconds(now - beat.echo_us() - beat.echo_delay_us());
  pulse_.round_trip(*round_trip_);
  if (beat.echo_us() >= challenge_us_) {
    pulse_.answered();
    tell_doubt();
  }
}

awaitable<void> Session::send() {
  for (;;) {
    const std::string_view batch = router_.next();
    if (batch.empty()) {
      co_await router_.more().wait();
      continue;
    }
    mark_written(batch);
    const auto began = Clock::now();
    if (const auto sent = co_await carrier_.write(asio::buffer(batch), stream::Lane::kData);
        !sent) {
      finish(sent.error());
      co_return;
    }
    router_.done(Clock::now() - began);
  }
}

// Heartbeats go first, and are no data that waits for an answer.
void Session::mark_written(std::string_view batch) {
  for (auto frame = first_frame(batch); frame && *frame; frame = first_frame(batch)) {
    if ((*frame)->header.type != wire::Type::kHeartbeat) {
      const auto now = Clock::now();
      pulse_.wrote(now);
      if (pulse_.silent_for(now) > timing_.silence / 4) {
        watch_.cancel();
      }
      return;
    }
    batch.remove_prefix((*frame)->bytes.size());
  }
}

void Session::mark_heard() {
  if (pulse_.heard(Clock::now())) {
    ask_for_proof();
  }
  tell_doubt();
}

void Session::tell_doubt() {
  if (const bool now = doubted(); told_doubt_ != now) {
    told_doubt_ = now;
    changed_();
  }
}

void Session::challenge(const std::string& why) {
  // A line that is good answers before anybody dials: most events of a network concern another.
  constexpr std::chrono::milliseconds kMostGrace{100};
  const Clock::duration usual =
      round_trip_ ? *round_trip_ * 5 / 4 + std::chrono::milliseconds(10) : kMostGrace;
  pulse_.challenged(Clock::now(), why, std::min<Clock::duration>(usual, kMostGrace));
  ask_for_proof();
}

void Session::ask_for_proof() {
  challenge_us_ = micros(Clock::now().time_since_epoch());
  probe();
  watch_.cancel();
}

void Session::probe() {
  pulse_.probed(Clock::now());
  send_heartbeat(Answer::kNow);
}

void Session::send_heartbeat(Answer answer) {
  Heartbeat beat;
  const auto now = Clock::now();
  beat.set_sent_us(micros(now.time_since_epoch()));
  if (peer_sent_us_ != 0) {
    beat.set_echo_us(peer_sent_us_);
    beat.set_echo_delay_us(micros(now - peer_heard_));
  }
  beat.set_answer_now(answer == Answer::kNow);
  router_.send({.type = wire::Type::kHeartbeat}, beat.SerializeAsString());
}

awaitable<void> Session::beat() {
  asio::steady_timer timer(executor_);
  for (;;) {
    send_heartbeat(Answer::kInTime);
    timer.expires_after(timing_.heartbeat);
    (void)co_await timer.async_wait(use_tuple);
  }
}

awaitable<void> Session::watch() {
  (void)pulse_.heard(Clock::now());  // it may have waited for its turn
  for (;;) {
    const auto next = pulse_.next(Clock::now());
    watch_.expires_at(next);
    (void)co_await watch_.async_wait(use_tuple);
    const auto now = Clock::now();
    if (now - next > timing_.silence / 10) {
      pulse_.slept(now - next);  // what has come meanwhile is not read yet
    }
    if (pulse_.dead(now)) {
      finish({Code::kTimeout, "the agent has not been heard of for " + seconds(timing_.dead)});
      co_return;
    }
    if (pulse_.probe_due(now)) {
      probe();
    }
    tell_doubt();
  }
}

}  // namespace rdev::link_process

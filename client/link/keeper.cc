#include "client/link/keeper.h"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <utility>

#include "protocol/base/log.h"

namespace rdev::link_process {
namespace {

// A connection that lived shorter than this is a failed try like another.
constexpr std::chrono::seconds kWorthARetryAtOnce{1};
// A process that comes while the link waits makes it try again, unless it has just done so.
constexpr std::chrono::seconds kJustTried{1};
// A try whose packets go nowhere is not waited for: the kernel repeats a SYN after 1 s, 3 s, 7 s,
// and what is lost meanwhile would delay the return by as much. So each second brings another try
// beside it. The oldest one goes on through all of the agent's endpoints; of the others those that
// have waited longest give way, still long after a round trip of any line.
constexpr std::size_t kMostAtOnce = 4;
// No step of the handshake (five round trips in one for SSH's own) takes longer on a line that
// works, so another try beside it would only be in its way.
constexpr int kStepRoundTrips = 8;

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

bool is_refusal(const Error& error) {
  return error.code == Code::kPermission || error.code == Code::kProtocol;
}

std::string in_seconds(std::chrono::steady_clock::duration time) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2g s", std::chrono::duration<double>(time).count());
  return text;
}

}  // namespace

Keeper::Keeper(const asio::any_io_executor& executor, Agent& agent, Router& router, Timing timing,
               Hello hello, Owner& owner)
    : executor_(executor),
      agent_(agent),
      router_(router),
      timing_(timing),
      hello_(std::move(hello)),
      owner_(owner),
      tasks_(executor),
      timer_(executor),
      pacing_(timing.first_pause, timing.brisk, timing.longest_pause),
      random_(std::random_device()()),
      usual_reach_(timing.first_pause * 5 / 2),
      wanted_since_(Clock::now()) {
  pacing_.restart(wanted_since_);
}

awaitable<void> Keeper::run() {
  co_await asio::this_coro::throw_if_cancelled(false);
  for (;;) {
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
      break;
    }
    unseen_ = false;
    settle();
    if (!unseen_) {
      timer_.expires_at(due());
      (void)co_await timer_.async_wait(use_tuple);
    }
  }
  abandon_others(nullptr);
  tasks_.cancel();
  co_await tasks_.wait();
  look_at_current();
}

void Keeper::wake() {
  unseen_ = true;
  timer_.cancel();
}

void Keeper::settle() {
  look_at_current();
  take_welcomed();
  look_for_doubt();
  const auto now = Clock::now();
  if (is_wanted() && may_begin(now)) {
    begin();
  }
  if (is_wanted() && now >= next_question()) {
    ask();
  }
}

void Keeper::look_at_current() {
  if (!died_) {
    return;
  }
  const Error why = *std::exchange(died_, std::nullopt);
  const auto gone = std::exchange(current_, nullptr);
  const auto now = Clock::now();
  why_.clear();
  if (std::exchange(doubted_unix_ms_, 0) != 0) {
    pacing_.wait_until(now);  // its end is news of the network
  } else {
    wanted_since_ = now;
    if (now - up_since_ >= kWorthARetryAtOnce) {
      pacing_.restart(now);
    }
  }
  owner_.on_down(gone->session(), why);
}

void Keeper::take_welcomed() {
  const auto welcomed = std::find_if(attempts_.begin(), attempts_.end(), [](const auto& attempt) {
    return attempt->stage() == Attempt::Stage::kWelcomed;
  });
  if (welcomed == attempts_.end()) {
    return;
  }
  if (current_) {  // the next settle() finds it ended
    current_->session().stop({Code::kClosed, "another connection has taken its place (" +
                                                 current_->session().doubt() + ")"});
    return;
  }
  current_ = *welcomed;
  abandon_others(nullptr);
  up_since_ = Clock::now();
  refused_ = false;
  Session& session = current_->session();
  round_trip_ = session.round_trip().value_or(std::chrono::microseconds(0));
  usual_reach_ = std::min<Clock::duration>(current_->reach().value_or(usual_reach_),
                                           timing_.first_pause * 5 / 2);
  tasks_.spawn("a connection to the agent", serve(current_));
  owner_.on_up(*current_, session);
}

void Keeper::look_for_doubt() {
  const bool doubted = current_ && current_->session().doubted();
  if (doubted == (doubted_unix_ms_ != 0)) {
    return;
  }
  if (doubted) {
    base::log_warning("the connection may be dead", {{"why", current_->session().doubt()}});
    doubted_unix_ms_ = unix_ms();
    wanted_since_ = Clock::now();
    pacing_.restart(wanted_since_);
    return;
  }
  base::log_info("the connection lives");
  doubted_unix_ms_ = 0;
  // One whose HELLO is under way may be the agent's choice already.
  std::erase_if(attempts_, [](const auto& attempt) {
    const bool needless = attempt->stage() == Attempt::Stage::kDialling;
    if (needless) {
      attempt->abandon();
    }
    return needless;
  });
}

bool Keeper::is_wanted() const { return !current_ || doubted_unix_ms_ != 0; }

bool Keeper::may_begin(Clock::time_point now) const { return at_once_ || now >= next_begin(); }

Keeper::Clock::time_point Keeper::next_begin() const {
  auto next = pacing_.due();
  for (const auto& attempt : attempts_) {
    next = std::max(next, patience_of(*attempt));
  }
  return next;
}

Keeper::Clock::time_point Keeper::patience_of(const Attempt& attempt) const {
  if (!attempt.reach()) {
    return attempt.began() + 2 * usual_reach_;
  }
  return attempt.progressed() +
         std::max<Clock::duration>(timing_.first_pause,
                                   kStepRoundTrips * std::max(round_trip_, *attempt.reach()));
}

Keeper::Clock::time_point Keeper::due() const {
  return is_wanted() ? std::min(next_begin(), next_question()) : Clock::time_point::max();
}

void Keeper::begin() {
  const bool first = attempts_.empty();
  if (!first) {
    ask_unless_just_asked();
  }
  make_room();
  at_once_ = false;
  tried_ = Clock::now();
  pacing_.tried(tried_, std::uniform_real_distribution<double>(0, 1)(random_));
  const auto attempt = std::make_shared<Attempt>(
      executor_, Attempt::Parts{agent_, router_, timing_, hello_, hellos_, [this] { wake(); }});
  attempts_.push_back(attempt);
  tasks_.spawn("dialling", tend(attempt));
  if (first && !current_) {
    owner_.on_absence(LinkStatus::DIALLING, why_);
  }
}

void Keeper::make_room() {
  if (attempts_.size() < kMostAtOnce) {
    return;
  }
  const auto stalled = std::min_element(
      std::next(attempts_.begin()), attempts_.end(),
      [](const auto& a, const auto& b) { return a->progressed() < b->progressed(); });
  (*stalled)->abandon();
  attempts_.erase(stalled);
}

void Keeper::abandon_others(const Attempt* kept) {
  std::erase_if(attempts_, [kept](const auto& attempt) {
    const bool goes = attempt.get() != kept;
    if (goes) {
      attempt->abandon();
    }
    return goes;
  });
}

awaitable<void> Keeper::tend(std::shared_ptr<Attempt> attempt) {
  // The agent knows one connection of a session, the one whose HELLO came last.
  co_await attempt->run([this, &attempt] { abandon_others(attempt.get()); });
  if (attempt->failure() && std::erase(attempts_, attempt) > 0) {
    on_failure(*attempt->failure());
  }
  wake();
}

void Keeper::on_failure(const Error& why) {
  const auto now = Clock::now();
  refused_ = is_refusal(why);
  if (refused_) {
    pacing_.wait_until(now + timing_.refused_pause);
  }
  ask_unless_just_asked();
  if (current_) {
    return;
  }
  why_ = why.message;
  if (refused_) {
    owner_.on_refusal(why);
  }
  if (attempts_.empty()) {
    const auto pause = std::max(pacing_.due() - now, Clock::duration::zero());
    owner_.on_absence(LinkStatus::WAITING, why_ + "; again in " + in_seconds(pause));
  }
}

awaitable<void> Keeper::serve(std::shared_ptr<Attempt> connection) {
  died_ = co_await connection->session().run();
  wake();
}

// The first try may be all that it takes.
Keeper::Clock::time_point Keeper::next_question() const {
  return asking_ ? Clock::time_point::max()
                 : std::max(may_ask_, wanted_since_ + timing_.first_pause);
}

void Keeper::ask_unless_just_asked() {
  if (!asking_ && Clock::now() >= may_ask_) {
    ask();
  }
}

// Beside the tries: where nobody is reached, the job may be over.
void Keeper::ask() {
  asking_ = true;
  const double factor = std::uniform_real_distribution<double>(0.8, 1.2)(random_);
  may_ask_ = Clock::now() + std::chrono::duration_cast<Clock::duration>(timing_.ask_pause * factor);
  tasks_.spawn("asking the cluster", ask_cluster());
}

awaitable<void> Keeper::ask_cluster() {
  auto alive = co_await agent_.check();
  const bool was_up = up_since_ != Clock::time_point();
  if (was_up && !alive && alive.error().code == Code::kClosed) {
    asio::steady_timer moment(executor_, timing_.restart);
    (void)co_await moment.async_wait(use_tuple);
    alive = co_await agent_.check();
  }
  asking_ = false;
  const bool over =
      !alive && (alive.error().code == Code::kClosed || alive.error().code == Code::kNotFound);
  if (over && is_wanted()) {
    owner_.on_job_end(alive.error());
  }
  wake();
}

void Keeper::network_changed(const std::string& what) {
  if (current_) {
    current_->session().challenge(what);
  }
  if (is_wanted()) {
    pacing_.restart(Clock::now());
    at_once_ = true;
    wake();
  }
}

bool Keeper::try_now() {
  if (!attempts_.empty()) {
    return true;
  }
  if (Clock::now() - tried_ <= kJustTried) {
    return !refused_;
  }
  at_once_ = true;
  wake();
  return true;
}

std::string Keeper::doubt() const {
  const std::string why = current_ ? current_->session().doubt() : "";
  return why.empty() ? "" : why + "; trying another connection";
}

}  // namespace rdev::link_process

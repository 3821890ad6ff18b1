#include "client/link/link.h"

#include "protocol/base/log.h"
#include "protocol/base/with_timeout.h"

namespace rdev::link_process {
namespace {

constexpr std::chrono::seconds kFarewell{1};

std::int64_t unix_ms() {
  return std::chrono::duration_cast<std::chrono::milliseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace

bool Link::is_end(const Error& why) {
  return why.code == Code::kClosed || why.code == Code::kNotFound;
}

Link::Link(const asio::any_io_executor& executor, Agent& agent, LinkOptions options)
    : executor_(executor),
      options_(std::move(options)),
      tasks_(executor),
      router_(executor),
      keeper_(executor, agent, router_, options_.timing, options_.hello, *this),
      since_unix_ms_(unix_ms()),
      changed_(executor) {}

void Link::adopt(base::Fd socket) {
  Consumer::Owner& owner = *this;
  const auto consumer = std::make_shared<Consumer>(executor_, std::move(socket), owner);
  consumers_.push_back(consumer);
  awaited_ = false;
  changed_.notify();
  tasks_.spawn("consumer read", Consumer::read(consumer));
  tasks_.spawn("consumer write", Consumer::write(consumer));
}

awaitable<void> Link::room() {
  while (deaf_) {
    co_await changed_.wait();
  }
}

void Link::end(Error why) {
  if (!over_) {
    over_ = std::move(why);
    changed_.notify();
  }
}

void Link::hand_over() {
  handing_over_ = handing_over_ || !over_;
  awaited_ = false;
  end({Code::kCancelled, "another link process takes over"});
  changed_.notify();
}

awaitable<Error> Link::run() {
  tasks_.spawn("keeping the link up", keeper_.run());
  while (!over_) {
    co_await changed_.wait();
  }
  if (!handing_over_) {
    (void)co_await base::with_timeout(somebody_came(), options_.timing.starter, "the first");
    const bool final = is_end(*over_);
    for (const auto state :
         {Consumer::State::kNew, Consumer::State::kWaiting, Consumer::State::kAttached,
          Consumer::State::kPaused, Consumer::State::kResuming}) {
      lose(state, over_->message, final);
    }
    // They hang up when they have read it.
    (void)co_await base::with_timeout(everybody_gone(), kFarewell, "the farewell");
    (void)co_await base::with_timeout(said_goodbye(), kFarewell, "the goodbye");
  }
  deaf_ = true;
  tasks_.cancel();
  co_await tasks_.wait();
  co_return *over_;
}

awaitable<Result<void>> Link::somebody_came() {
  while (awaited_) {
    co_await changed_.wait();
  }
  co_return Result<void>{};
}

awaitable<Result<void>> Link::everybody_gone() {
  while (!consumers_.empty()) {
    co_await changed_.wait();
  }
  co_return Result<void>{};
}

// The agent need not keep the session.
awaitable<Result<void>> Link::said_goodbye() {
  if (session_ != nullptr) {
    Goodbye goodbye;
    goodbye.set_reason(over_->message);
    router_.send({.type = wire::Type::kGoodbye}, goodbye.SerializeAsString());
    while (session_ != nullptr && !router_.idle()) {
      co_await router_.went_idle().wait();
    }
  }
  co_return Result<void>{};
}

void Link::on_up(const Attempt& connection, Session& session) {
  endpoint_ = connection.endpoint();
  session_ = &session;
  came_up(connection.welcome());
}

void Link::on_down(Session& session, const Error& why) {
  vitals_ = session.vitals();
  vitals_unix_ms_ = session.vitals_unix_ms();
  session_ = nullptr;
  went_down(why);
}

void Link::on_absence(LinkStatus::State state, const std::string& why) {
  set_state(state, why.empty() ? reason_ : why);
}

void Link::on_refusal(const Error& why) { lose(Consumer::State::kWaiting, why.message, false); }

void Link::came_up(const Welcome& welcome) {
  ++connections_;
  welcome_ = welcome;
  set_state(LinkStatus::UP, "");
  router_.detach_gone({welcome.consumers().begin(), welcome.consumers().end()});
  if (connections_ == 1 && router_.awaits_strangers()) {
    tasks_.spawn("strangers", forget_strangers());
  }
  for (const auto& consumer : consumers_) {
    if (consumer->state == Consumer::State::kWaiting ||
        consumer->state == Consumer::State::kPaused) {
      consumer->attach(attached());
    }
  }
}

std::string Link::attached() const {
  ::rdev::Attached attached;
  *attached.mutable_agent() = welcome_;
  if (session_ != nullptr && session_->round_trip()) {
    attached.set_rtt_us(static_cast<std::uint64_t>(session_->round_trip()->count()));
  }
  return attached.SerializeAsString();
}

void Link::went_down(const Error& why) {
  const std::string reason =
      "the connection to the agent of " + options_.job + " is gone: " + why.message;
  set_state(LinkStatus::DIALLING, reason);
  router_.reset();
  for (const auto& consumer : consumers_) {
    if (consumer->state == Consumer::State::kAttached ||
        consumer->state == Consumer::State::kResuming) {
      consumer->pause(reason);
    }
  }
  if (why.code == Code::kExists) {
    end({Code::kUnavailable, why.message});
  }
}

awaitable<void> Link::forget_strangers() {
  asio::steady_timer timer(executor_, options_.timing.strangers);
  (void)co_await timer.async_wait(use_tuple);
  router_.detach_strangers();
}

void Link::lose(Consumer::State state, const std::string& reason, bool final) {
  const auto everybody = consumers_;  // one of them may go meanwhile
  for (const auto& consumer : everybody) {
    if (consumer->state == state && !consumer->gone()) {
      router_.remove(*consumer);
      consumer->lose(reason, final);
    }
  }
}

void Link::set_state(LinkStatus::State state, const std::string& reason) {
  if (state_ != state) {
    since_unix_ms_ = unix_ms();
  }
  state_ = state;
  reason_ = reason;
  if (state == LinkStatus::UP) {
    base::log_info("the link is up", {{"endpoint", endpoint_}});
    logged_.clear();
  } else if (const std::string what = reason.substr(0, reason.find("; again in "));
             !what.empty() && what != logged_) {
    base::log_warning("the link is not up", {{"why", what}});
    logged_ = what;
  }
  const auto everybody = consumers_;
  for (const auto& consumer : everybody) {
    if (consumer->state == Consumer::State::kWaiting && state != LinkStatus::UP) {
      consumer->send(wire::Type::kStatus, status().SerializeAsString());
    }
  }
}

}  // namespace rdev::link_process

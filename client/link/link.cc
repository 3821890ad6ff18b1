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
  tasks_.spawn("consumer read", Consumer::read(consumer));
  tasks_.spawn("consumer write", Consumer::write(consumer));
}

void Link::end(Error why) {
  if (!over_) {
    over_ = std::move(why);
    changed_.notify();
  }
}

awaitable<Error> Link::run() {
  tasks_.spawn("keeping the link up", keeper_.run());
  while (!over_) {
    co_await changed_.wait();
  }
  const bool final = is_end(*over_);
  for (const auto state : {Consumer::State::kNew, Consumer::State::kWaiting,
                           Consumer::State::kAttached, Consumer::State::kOrphan}) {
    lose(state, over_->message, final);
  }
  // They hang up when they have read it.
  (void)co_await base::with_timeout(everybody_gone(), kFarewell, "the farewell");
  tasks_.cancel();
  co_await tasks_.wait();
  co_return *over_;
}

awaitable<Result<void>> Link::everybody_gone() {
  while (!consumers_.empty()) {
    co_await changed_.wait();
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

void Link::on_refusal(const Error& why) {
  lose(Consumer::State::kOrphan, why.message, false);
  lose(Consumer::State::kWaiting, why.message, false);
}

void Link::came_up(const Welcome& welcome) {
  lose(Consumer::State::kOrphan, death_, false);
  ++connections_;
  ::rdev::Attached attached;
  *attached.mutable_agent() = welcome;
  attached_ = attached.SerializeAsString();
  set_state(LinkStatus::UP, "");
  for (const auto& consumer : consumers_) {
    if (consumer->state == Consumer::State::kWaiting) {
      consumer->state = Consumer::State::kAttached;
      consumer->send(wire::Type::kAttached, attached_);
    }
  }
}

void Link::went_down(const Error& why) {
  death_ = "the connection to the agent of " + options_.job + " is gone: " + why.message;
  set_state(LinkStatus::DIALLING, death_);
  router_.reset();
  for (const auto& consumer : consumers_) {
    if (consumer->state == Consumer::State::kAttached) {
      consumer->state = Consumer::State::kOrphan;
      consumer->drop_front();
    }
  }
  tasks_.spawn("verdict", give_verdict());
}

awaitable<void> Link::give_verdict() {
  asio::steady_timer timer(executor_, options_.timing.verdict);
  (void)co_await timer.async_wait(use_tuple);
  lose(Consumer::State::kOrphan, death_, false);
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

#include "client/link/attempt.h"

#include <utility>

namespace rdev::link_process {

Attempt::Attempt(const asio::any_io_executor& executor, Parts parts)
    : parts_(std::move(parts)), executor_(executor), work_(executor) {}

awaitable<void> Attempt::run(std::function<void()> reached) {
  co_await asio::this_coro::throw_if_cancelled(false);
  work_.spawn("connecting to the agent", connect(std::move(reached)));
  co_await work_.wait();
}

void Attempt::abandon() {
  abandoned_ = true;
  work_.cancel();
}

awaitable<void> Attempt::connect(std::function<void()> reached) {
  auto line = co_await parts_.agent.dial([this] { progress(); });
  if (abandoned_) {
    co_return;  // for one that got there in the same moment
  }
  if (!line) {
    failure_ = std::move(line.error());
    co_return;
  }
  line_ = *std::move(line);
  progress();
  stage_ = Stage::kGreeting;
  reached();
  session_.emplace(executor_, *line_.stream, parts_.router, parts_.timing, parts_.changed);
  Hello hello = parts_.hello;
  hello.set_attempt(++parts_.hellos);
  auto welcome = co_await session_->greet(hello);
  if (!welcome) {
    failure_ = std::move(welcome.error());
    co_return;
  }
  welcome_ = *std::move(welcome);
  stage_ = Stage::kWelcomed;
}

void Attempt::progress() {
  progressed_ = Clock::now();
  if (!reach_) {
    reach_ = progressed_ - began_;
  }
  parts_.changed();
}

}  // namespace rdev::link_process

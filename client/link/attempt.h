#pragma once

#include <chrono>
#include <functional>
#include <optional>

#include "client/link/agent.h"
#include "client/link/session.h"
#include "protocol/base/task_group.h"

namespace rdev::link_process {

// One try to connect, from its begin to WELCOME; then the connection itself.
class Attempt final {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Stage {
    kDialling,
    kGreeting,  // HELLO is under way: the agent ends an earlier connection when it has that
    kWelcomed,
  };
  struct Parts {
    Agent& agent;
    Router& router;
    const Timing& timing;
    const Hello& hello;     // without its number
    std::uint64_t& hellos;  // sent so far by this process
    std::function<void()> changed;
  };
  Attempt(const asio::any_io_executor& executor, Parts parts);
  Attempt(const Attempt&) = delete;
  Attempt& operator=(const Attempt&) = delete;

  // Until WELCOME, failure or abandon(); cancelling it does nothing. `reached` is called before
  // HELLO is sent.
  awaitable<void> run(std::function<void()> reached);
  void abandon();

  Stage stage() const { return stage_; }
  Clock::time_point began() const { return began_; }
  // When the last answer from afar came; without any, began().
  Clock::time_point progressed() const { return progressed_; }
  // How long the first answer took; nothing before.
  std::optional<Clock::duration> reach() const { return reach_; }
  // What made it fail; nothing as long as it has not, and when it was abandoned.
  const std::optional<Error>& failure() const { return failure_; }

  // Of one that is welcomed.
  Session& session() { return *session_; }
  const Welcome& welcome() const { return welcome_; }
  const std::string& endpoint() const { return line_.endpoint; }

 private:
  awaitable<void> connect(std::function<void()> reached);
  void progress();

  const Parts parts_;
  asio::any_io_executor executor_;
  base::TaskGroup work_;
  bool abandoned_ = false;
  Stage stage_ = Stage::kDialling;
  const Clock::time_point began_ = Clock::now();
  Clock::time_point progressed_ = began_;
  std::optional<Clock::duration> reach_;
  std::optional<Error> failure_;
  Line line_;
  std::optional<Session> session_;
  Welcome welcome_;
};

}  // namespace rdev::link_process

#pragma once

#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/steady_timer.hpp>
#include <list>
#include <string>

#include "protocol/base/asio.h"

namespace rdev::base {

// The only way to run work in the background. Tasks are named; one that fails (an error or an
// exception) is logged under its name. The group must be stopped, or empty, before it is destroyed;
// what tasks borrow must outlive it.
class TaskGroup final {
 public:
  explicit TaskGroup(asio::any_io_executor executor);
  TaskGroup(const TaskGroup&) = delete;
  TaskGroup& operator=(const TaskGroup&) = delete;
  ~TaskGroup();

  void spawn(std::string name, awaitable<void> task);
  void spawn(std::string name, awaitable<Result<void>> task);

  // Asks every task to end (terminal cancellation); spawn() does nothing from now on.
  void cancel();
  // Resolves when the last task has ended.
  awaitable<void> wait();

  std::size_t size() const { return tasks_.size(); }
  const asio::any_io_executor& executor() const { return executor_; }

 private:
  struct Task {
    std::string name;
    asio::cancellation_signal cancel;
  };
  void ended(std::list<Task>::iterator task, const std::exception_ptr& thrown);

  asio::any_io_executor executor_;
  std::list<Task> tasks_;
  asio::steady_timer empty_;  // expires for ever; cancelled when the last task ends
  bool cancelled_ = false;
};

}  // namespace rdev::base

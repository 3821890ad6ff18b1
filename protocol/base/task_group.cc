#include "protocol/base/task_group.h"

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/post.hpp>
#include <boost/system/system_error.hpp>
#include <cassert>
#include <memory>
#include <utility>

#include "protocol/base/log.h"

namespace rdev::base {
namespace {

awaitable<void> log_failure(std::string name, awaitable<Result<void>> task) {
  const Result<void> result = co_await std::move(task);
  if (!result && result.error().code != Code::kCancelled) {
    log_warning("task failed", {{"task", name}, {"error", result.error().message}});
  }
}

}  // namespace

TaskGroup::TaskGroup(asio::any_io_executor executor)
    : executor_(std::move(executor)), empty_(executor_, asio::steady_timer::time_point::max()) {}

TaskGroup::~TaskGroup() { assert(tasks_.empty()); }

void TaskGroup::spawn(std::string name, awaitable<void> task) {
  if (cancelled_) {
    return;
  }
  const auto it = tasks_.emplace(tasks_.end());
  it->name = std::move(name);
  asio::co_spawn(executor_, std::move(task),
                 asio::bind_cancellation_slot(
                     it->cancel.slot(), [this, it](const std::exception_ptr& e) { ended(it, e); }));
}

void TaskGroup::spawn(std::string name, awaitable<Result<void>> task) {
  std::string label = name;
  spawn(std::move(name), log_failure(std::move(label), std::move(task)));
}

void TaskGroup::cancel() {
  cancelled_ = true;
  for (auto it = tasks_.begin(); it != tasks_.end();) {
    auto next = std::next(it);
    it->cancel.emit(asio::cancellation_type::terminal);
    it = next;
  }
}

awaitable<void> TaskGroup::wait() {
  while (!tasks_.empty()) {
    co_await empty_.async_wait(use_tuple);
  }
}

void TaskGroup::ended(std::list<Task>::iterator task, const std::exception_ptr& thrown) {
  try {
    if (thrown) {
      std::rethrow_exception(thrown);
    }
  } catch (const boost::system::system_error& e) {
    if (e.code() != asio::error::operation_aborted) {
      log_error("task threw", {{"task", task->name}, {"error", e.what()}});
    }
  } catch (const std::exception& e) {
    log_error("task threw", {{"task", task->name}, {"error", e.what()}});
  }
  // Asio may have posted a cancellation that still names the signal: it must run first.
  auto node = std::make_shared<std::list<Task>>();
  node->splice(node->begin(), tasks_, task);
  asio::post(executor_, [node] {});
  if (tasks_.empty()) {
    empty_.cancel();
  }
}

}  // namespace rdev::base

#include "agent/process/reaper.h"

#include <sys/wait.h>

#include <cerrno>
#include <csignal>

namespace rdev::process {
namespace {

Ended ended(int status) {
  if (WIFSIGNALED(status)) {
    return Ended{.signal = WTERMSIG(status), .core_dumped = WCOREDUMP(status) != 0};
  }
  return Ended{.code = WEXITSTATUS(status)};
}

}  // namespace

awaitable<Ended> Child::wait() const {
  const auto state = state_;
  while (!state->ended) {
    co_await state->changed.wait();
  }
  co_return *state->ended;
}

void Child::signal_group(int number) const {
  if (!state_->ended) {
    // ESRCH: it ended a moment ago. EPERM: it has become another user's.
    (void)::kill(-state_->pid, number);
  }
}

Reaper::Reaper(const asio::any_io_executor& executor)
    : executor_(executor), signals_(executor, SIGCHLD), changed_(executor) {
  next();
  collect();
}

Reaper::~Reaper() = default;

void Reaper::next() {
  signals_.async_wait([this](const boost::system::error_code& error, int) {
    if (!error) {
      next();
      collect();
    }
  });
}

Child Reaper::watch(pid_t pid) {
  auto state = std::make_shared<Child::State>(executor_, pid);
  watched_.insert_or_assign(pid, state);
  has_children_ = true;
  return Child(std::move(state));
}

void Reaper::collect() {
  int status = 0;
  pid_t pid = 0;
  while ((pid = ::waitpid(-1, &status, WNOHANG)) > 0) {
    const auto found = watched_.find(pid);
    if (found != watched_.end()) {
      found->second->ended = ended(status);
      found->second->changed.notify();
      watched_.erase(found);
    }
  }
  has_children_ = pid == 0;  // else -1, ECHILD
  changed_.notify();
}

awaitable<void> Reaper::childless() {
  collect();
  while (has_children_) {
    co_await changed_.wait();
  }
}

}  // namespace rdev::process

#pragma once

#include <sys/types.h>

#include <boost/asio/signal_set.hpp>
#include <map>
#include <memory>
#include <optional>

#include "protocol/base/asio.h"
#include "protocol/base/notify.h"

namespace rdev::process {

// How a process ended.
struct Ended {
  int code = 0;    // of exit(3)
  int signal = 0;  // that killed it; 0: none
  bool core_dumped = false;

  // As a shell says it: 128+N for signal N.
  int shell_code() const { return signal != 0 ? 128 + signal : code; }
};

// A child that leads its own process group. Dropping it leaves the process alone; the reaper
// collects it.
class Child final {
 public:
  Child() = default;

  pid_t pid() const { return state_->pid; }
  const std::optional<Ended>& ended() const { return state_->ended; }
  // Resolves when it has ended (at once when it has). Any number may wait.
  awaitable<Ended> wait() const;
  // Sends to its process group; does nothing once it has been collected, for the number may be
  // somebody else's by then.
  void signal_group(int number) const;

 private:
  friend class Reaper;
  struct State {
    State(const asio::any_io_executor& executor, pid_t p) : pid(p), changed(executor) {}
    pid_t pid;
    std::optional<Ended> ended;
    base::Notify changed;
  };
  explicit Child(std::shared_ptr<State> state) : state_(std::move(state)) {}

  std::shared_ptr<State> state_;  // shared with the reaper until the process has ended
};

// The one place of the process that waits for children: those it was told of get their status,
// others (orphans, as PID 1 or subreaper) are collected.
class Reaper final {
 public:
  explicit Reaper(const asio::any_io_executor& executor);
  Reaper(const Reaper&) = delete;
  Reaper& operator=(const Reaper&) = delete;
  ~Reaper();

  // To be called in the same breath as fork(2): before the loop runs again.
  Child watch(pid_t pid);

  // Resolves when this process has no child at all.
  awaitable<void> childless();

 private:
  void next();
  void collect();

  asio::any_io_executor executor_;
  asio::signal_set signals_;
  std::map<pid_t, std::shared_ptr<Child::State>> watched_;
  bool has_children_ = true;  // as far as the last collect() saw
  base::Notify changed_;
};

}  // namespace rdev::process

#pragma once

#include <string>

#include "client/ui/progress.h"
#include "protocol/base/task_group.h"

namespace rdev::commands {

// Tells the user what is waited for, when that takes longer than a second: one line on stderr,
// which a terminal redraws and clears in the end.
class WaitNotice final {
 public:
  WaitNotice(const asio::any_io_executor& executor, std::string subject);
  WaitNotice(const WaitNotice&) = delete;
  WaitNotice& operator=(const WaitNotice&) = delete;

  void reason(const std::string& why);
  // Once, before this is destroyed: the wait is over.
  awaitable<void> end();

 private:
  awaitable<void> show_later();
  void show();

  const std::string subject_;
  base::TaskGroup tasks_;
  const ui::Terminal terminal_;
  std::string why_;
  bool late_ = false;   // the second is over
  bool drawn_ = false;  // a line of ours is on the terminal
};

}  // namespace rdev::commands

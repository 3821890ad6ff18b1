#include "client/commands/wait_notice.h"

#include <unistd.h>

#include <boost/asio/steady_timer.hpp>
#include <cstdio>
#include <utility>

#include "client/commands/context.h"
#include "client/terminal/raw_mode.h"
#include "client/ui/table.h"

namespace rdev::commands {
namespace {

constexpr std::chrono::seconds kPatience{1};
constexpr char kClearLine[] = "\r\033[K";
constexpr std::size_t kUsualColumns = 80;

}  // namespace

WaitNotice::WaitNotice(const asio::any_io_executor& executor, std::string subject)
    : subject_(std::move(subject)), tasks_(executor), terminal_(ui::terminal_of(STDERR_FILENO)) {
  tasks_.spawn("wait notice", show_later());
}

awaitable<void> WaitNotice::end() {
  tasks_.cancel();
  co_await tasks_.wait();
  if (std::exchange(drawn_, false)) {
    std::fputs(kClearLine, stderr);
  }
}

awaitable<void> WaitNotice::show_later() {
  asio::steady_timer timer(co_await asio::this_coro::executor, kPatience);
  const auto [error] = co_await timer.async_wait(use_tuple);
  if (!error) {
    late_ = true;
    show();
  }
}

void WaitNotice::reason(const std::string& why) {
  if (why != why_) {
    why_ = why;
    show();
  }
}

void WaitNotice::show() {
  if (!late_ || (why_.empty() && terminal_ == ui::Terminal::kNo)) {
    return;
  }
  std::string line = "waiting for " + subject_ + (why_.empty() ? "" : ": " + why_);
  if (terminal_ == ui::Terminal::kNo) {
    note(line);
    return;
  }
  line = "rdev: " + ui::printable(line);
  const auto size = terminal::size_of_terminal({STDERR_FILENO});
  const std::size_t room = size ? size->columns : kUsualColumns;
  if (line.size() >= room) {
    line.resize(room - 1);  // a line that wraps could not be cleared
  }
  std::fprintf(stderr, "%s%s", kClearLine, line.c_str());
  drawn_ = true;
}

}  // namespace rdev::commands

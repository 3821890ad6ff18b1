#include "client/commands/watch.h"

#include <unistd.h>

#include <boost/asio/steady_timer.hpp>

#include "client/ui/progress.h"

namespace rdev::commands {
namespace {

constexpr char kHome[] = "\033[H";
constexpr char kClearScreen[] = "\033[2J";
constexpr char kClearToEndOfLine[] = "\033[K";
constexpr char kClearBelow[] = "\033[J";
// A line that is too long is cut by the terminal, which else would move all below it.
constexpr char kNoWrap[] = "\033[?7l";
constexpr char kWrap[] = "\033[?7h";

bool may_pass(const Error& error) {
  return error.code == Code::kUnavailable || error.code == Code::kTimeout;
}

// At most `rows` lines, each clearing what was there before.
std::string on_screen(const std::string& text, std::size_t rows) {
  std::string out = std::string(kNoWrap) + kHome;
  std::size_t at = 0;
  for (std::size_t row = 0; at < text.size() && (rows == 0 || row + 1 < rows); ++row) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out += text.substr(at, end - at) + kClearToEndOfLine + "\n";
    at = end + 1;
  }
  return out + kClearBelow + kWrap;
}

}  // namespace

awaitable<Result<void>> watch(std::chrono::milliseconds pause,
                              std::function<awaitable<Result<Picture>>(const ui::Look&)> draw) {
  asio::steady_timer timer(co_await asio::this_coro::executor);
  const bool in_place = ui::terminal_of(STDOUT_FILENO) == ui::Terminal::kYes;
  std::string shown;
  bool is_first = true;
  for (;;) {
    const ui::Look look = ui::look_of(STDOUT_FILENO);
    auto picture = co_await draw(look);
    if (!picture && (is_first || !may_pass(picture.error()))) {
      co_return tl::make_unexpected(picture.error());
    }
    const std::string text = picture ? picture->text : "rdev: " + picture.error().message + "\n";
    if (text != shown || is_first) {
      const auto printed =
          print(in_place ? (is_first ? kClearScreen : "") + on_screen(text, look.rows) : text);
      if (!printed) {
        co_return printed;
      }
      shown = text;
    }
    is_first = false;
    if (picture && picture->is_last) {
      co_return Result<void>();
    }
    timer.expires_after(pause);
    (void)co_await timer.async_wait(use_tuple);
  }
}

}  // namespace rdev::commands

#include "client/ui/progress.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "client/ui/units.h"

namespace rdev::ui {
namespace {

constexpr char kClearLine[] = "\r\033[K";

std::size_t columns(int fd) {
  winsize size{};
  return ::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

}  // namespace

Terminal terminal_of(int fd) {
  const char* term = std::getenv("TERM");
  const bool can_redraw = term != nullptr && std::string_view(term) != "dumb";
  return ::isatty(fd) == 1 && can_redraw ? Terminal::kYes : Terminal::kNo;
}

void Progress::stage(const std::string& name, const std::string& detail) {
  if (name != current_) {
    done();
    current_ = name;
    drawn_detail_.clear();
    began_ = std::chrono::steady_clock::now();
    draw(detail);
  } else if (detail != drawn_detail_) {
    draw(detail);
  }
}

void Progress::done() {
  if (current_.empty()) {
    return;
  }
  const auto elapsed = std::chrono::steady_clock::now() - began_;
  write((terminal_ == Terminal::kYes ? kClearLine : "") + ("  " + current_) + "  " +
        format_elapsed(elapsed) + "\n");
  timings_.emplace_back(std::move(current_), elapsed);
  current_.clear();
}

void Progress::interrupt() {
  if (!current_.empty()) {
    write(terminal_ == Terminal::kYes ? "\n" : "  " + current_ + "  not finished\n");
    current_.clear();
  }
}

void Progress::draw(const std::string& detail) {
  drawn_detail_ = detail;
  if (terminal_ == Terminal::kNo) {
    return;
  }
  std::string line = "  " + current_ + (detail.empty() ? "" : "  " + detail) + " …";
  const std::size_t room = columns(fd_) - 1;
  if (line.size() > room) {
    line.resize(room);  // a line that wraps could not be redrawn
  }
  write(kClearLine + line);
}

void Progress::write(const std::string& text) const {
  // Progress is best effort: a closed stderr must not end the work.
  [[maybe_unused]] const ssize_t written = ::write(fd_, text.data(), text.size());
}

}  // namespace rdev::ui

#include "client/terminal/raw_mode.h"

#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <utility>

#include "client/terminal/modes.h"

namespace rdev::terminal {
namespace {

// What a handler of a crash can find: plain data, written before `fd`.
struct Saved {
  volatile std::sig_atomic_t fd = -1;  // -1: nothing to give back
  termios modes{};
};
Saved saved;

constexpr int kCrashes[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};

bool in_background(int fd) {
  const pid_t foreground = ::tcgetpgrp(fd);
  return foreground > 0 && foreground != ::getpgrp();
}

// Only calls that a signal handler may make. In the background the terminal is somebody else's by
// now, whose modes are to stay.
void restore() {
  const int fd = saved.fd;
  saved.fd = -1;
  if (fd >= 0 && !in_background(fd)) {
    ::tcsetattr(fd, TCSANOW, &saved.modes);
  }
}

void restore_and_crash(int number) {
  restore();
  ::raise(number);  // SA_RESETHAND: as it would have been
}

void restore_at_exits() {
  static const bool once = [] {
    std::atexit(restore);
    return true;
  }();
  (void)once;
  struct sigaction action{};
  action.sa_handler = restore_and_crash;
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  for (const int number : kCrashes) {
    struct sigaction before{};
    // A sanitizer's own handler stays.
    if (::sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_DFL) {
      ::sigaction(number, &action, nullptr);
    }
  }
}

void set_raw(int fd) {
  termios raw = saved.modes;
  ::cfmakeraw(&raw);
  // Fails only when the terminal is gone, which the next read finds, too.
  ::tcsetattr(fd, TCSANOW, &raw);
}

}  // namespace

std::string modes_of(int fd) {
  termios modes{};
  return ::tcgetattr(fd, &modes) == 0 ? encode_modes(modes) : std::string();
}

std::optional<stream::WindowChange> size_of_terminal(std::initializer_list<int> descriptors) {
  for (const int fd : descriptors) {
    winsize size{};
    if (::ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
      return stream::WindowChange{.columns = size.ws_col,
                                  .rows = size.ws_row,
                                  .width_px = size.ws_xpixel,
                                  .height_px = size.ws_ypixel};
    }
  }
  return std::nullopt;
}

Result<RawMode> RawMode::enter(int fd) {
  termios modes{};
  if (::tcgetattr(fd, &modes) != 0) {
    return fail_errno("cannot read the terminal's modes");
  }
  saved.modes = modes;
  saved.fd = fd;
  restore_at_exits();
  set_raw(fd);
  return RawMode(fd);
}

RawMode::RawMode(RawMode&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

RawMode::~RawMode() {
  if (fd_ >= 0) {
    restore();
  }
}

void RawMode::again() const {
  if (fd_ >= 0 && !in_background(fd_)) {
    set_raw(fd_);
  }
}

}  // namespace rdev::terminal

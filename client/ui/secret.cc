#include "client/ui/secret.h"

#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>

#include "protocol/base/fd.h"

namespace rdev::ui {
namespace {

constexpr std::size_t kMaxBytes = 64U << 10U;
constexpr char kInterrupt = 3;   // Ctrl-C, as a terminal in raw signals gives it
constexpr char kEndOfInput = 4;  // Ctrl-D

// No echo, and no signals: the terminal is put right again whatever is typed.
class Quiet final {
 public:
  explicit Quiet(int fd) : fd_(fd) {
    is_quiet_ = ::tcgetattr(fd, &before_) == 0;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG | ICANON);
    is_quiet_ = is_quiet_ && ::tcsetattr(fd, TCSAFLUSH, &quiet) == 0;
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  ~Quiet() {
    if (is_quiet_) {
      ::tcsetattr(fd_, TCSAFLUSH, &before_);
    }
  }
  bool is_quiet() const { return is_quiet_; }

 private:
  int fd_;
  termios before_{};
  bool is_quiet_ = false;
};

enum class From { kTerminal, kFile };

Result<std::string> read_line(int fd, From from) {
  std::string line;
  char c = 0;
  for (;;) {
    const ssize_t n = ::read(fd, &c, 1);
    if (n < 0 && errno == EINTR) {
      continue;
    }
    if (n < 0) {
      return fail_errno("cannot read the answer");
    }
    const bool typed = from == From::kTerminal && n == 1;
    if (typed && (c == kInterrupt || (c == kEndOfInput && line.empty()))) {
      return fail(Code::kCancelled, "cancelled");
    }
    if (typed && (c == 0x7f || c == '\b')) {
      line.resize(line.empty() ? 0 : line.size() - 1);
      continue;
    }
    if (n == 0 || c == '\n' || (typed && c == '\r')) {
      return line;
    }
    if (line.size() == kMaxBytes) {
      return fail(Code::kLimit, "the line is longer than 64 KiB");
    }
    line += c;
  }
}

void say(int fd, const std::string& text) {
  // What cannot be shown is no reason to fail: the answer is what counts.
  (void)!::write(fd, text.data(), text.size());
}

}  // namespace

Result<std::string> ask_secret(const std::string& question) {
  const base::Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal) {
    return fail(Code::kUnavailable, "there is no terminal to ask at");
  }
  const Quiet quiet(terminal.get());
  if (!quiet.is_quiet()) {
    return fail_errno("cannot keep the terminal from showing the answer");
  }
  say(terminal.get(), question);
  auto answer = read_line(terminal.get(), From::kTerminal);
  say(terminal.get(), "\n");
  return answer;
}

Result<std::string> read_secret(int fd) {
  auto line = read_line(fd, From::kFile);
  if (line && line->ends_with('\r')) {
    line->pop_back();
  }
  return line;
}

}  // namespace rdev::ui

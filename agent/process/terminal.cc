#include "agent/process/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "protocol/stream/terminal_modes.h"

namespace rdev::process {
namespace {

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes.substr(0, 4)) {
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return value;
}

std::optional<speed_t> speed(std::uint32_t baud) {
  for (const auto& [known, code] : stream::kModeSpeeds) {
    if (known == baud) {
      return code;
    }
  }
  return std::nullopt;
}

void apply_mode(unsigned opcode, std::uint32_t value, termios& settings) {
  for (const stream::ModeCharacter& character : stream::kModeCharacters) {
    if (character.opcode == opcode) {
      settings.c_cc[character.index] =
          value == stream::kNoCharacter ? _POSIX_VDISABLE : static_cast<cc_t>(value);
    }
  }
  for (const stream::ModeFlag& flag : stream::kModeFlags) {
    if (flag.opcode != opcode) {
      continue;
    }
    // A size (CS7, CS8) has no "off": the other opcode says which it is.
    if (value == 0 && flag.mask == CSIZE) {
      continue;
    }
    settings.*flag.word = (settings.*flag.word & ~flag.mask) | (value != 0 ? flag.bits : 0);
  }
  const auto baud = speed(value);
  if (baud && opcode == stream::kInputSpeed) {
    ::cfsetispeed(&settings, *baud);
  }
  if (baud && opcode == stream::kOutputSpeed) {
    ::cfsetospeed(&settings, *baud);
  }
}

// The slave without its path where the kernel can (4.13), so that a /dev/pts of another mount
// namespace does no harm.
base::Fd open_slave(int master, const std::string& path) {
  const int peer = ::ioctl(master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  return base::Fd(peer >= 0 ? peer : ::open(path.c_str(), O_RDWR | O_NOCTTY | O_CLOEXEC));
}

}  // namespace

void apply_modes(std::string_view modes, termios& settings) {
  while (modes.size() >= 5) {
    const auto opcode = static_cast<unsigned char>(modes.front());
    if (opcode == stream::kModesEnd || opcode >= stream::kFirstWithoutValue) {
      return;
    }
    apply_mode(opcode, big_endian(modes.substr(1)), settings);
    modes.remove_prefix(5);
  }
}

void set_size(int terminal, const TerminalSize& size) {
  const auto clip = [](std::uint32_t n) {
    return static_cast<unsigned short>(std::min<std::uint32_t>(n, 65535));
  };
  const winsize native{.ws_row = clip(size.rows),
                       .ws_col = clip(size.columns),
                       .ws_xpixel = clip(size.width_px),
                       .ws_ypixel = clip(size.height_px)};
  // Fails only when the terminal is hung up, and then nobody looks at its size.
  (void)::ioctl(terminal, TIOCSWINSZ, &native);
}

Result<Terminal> open_terminal(const TerminalSize& size, std::string_view modes, uid_t owner) {
  Terminal terminal;
  terminal.master.reset(::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC | O_NONBLOCK));
  char path[64] = {};
  if (!terminal.master || ::unlockpt(terminal.master.get()) != 0 ||
      ::ptsname_r(terminal.master.get(), path, sizeof path) != 0) {
    return prefix("no terminal for the session (is /dev/pts mounted? `ssh -T` goes without one)",
                  fail_errno("cannot open one").value());
  }
  terminal.path = path;
  terminal.slave = open_slave(terminal.master.get(), terminal.path);
  termios settings{};
  if (!terminal.slave || ::tcgetattr(terminal.slave.get(), &settings) != 0) {
    return fail_errno("cannot open " + terminal.path);
  }
  apply_modes(modes, settings);
  if (::tcsetattr(terminal.slave.get(), TCSANOW, &settings) != 0) {
    return fail_errno("cannot set the modes of " + terminal.path);
  }
  set_size(terminal.slave.get(), size);
  // Mode and group are what the mount says (gid=5,mode=620 where there is a tty group).
  if (owner != ::geteuid() && ::fchown(terminal.slave.get(), owner, static_cast<gid_t>(-1)) != 0) {
    return fail_errno("cannot give " + terminal.path + " to uid " + std::to_string(owner));
  }
  return terminal;
}

}  // namespace rdev::process

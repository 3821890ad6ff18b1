#include "agent/process/terminal.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <optional>

namespace rdev::process {
namespace {

constexpr unsigned kEnd = 0, kInputSpeed = 128, kOutputSpeed = 129, kFirstWithoutValue = 160;

struct Character {
  unsigned opcode;
  unsigned index;  // into c_cc
};
constexpr auto kCharacters = std::to_array<Character>({
    {1, VINTR},
    {2, VQUIT},
    {3, VERASE},
    {4, VKILL},
    {5, VEOF},
    {6, VEOL},
    {7, VEOL2},
    {8, VSTART},
    {9, VSTOP},
    {10, VSUSP},
    {12, VREPRINT},
    {13, VWERASE},
    {14, VLNEXT},
    {16, VSWTC},
    {18, VDISCARD},
});

struct Flag {
  unsigned opcode;
  tcflag_t termios::* word;
  tcflag_t bits;
  tcflag_t mask;
};
constexpr auto kFlags = std::to_array<Flag>({
    {30, &termios::c_iflag, IGNPAR, IGNPAR}, {31, &termios::c_iflag, PARMRK, PARMRK},
    {32, &termios::c_iflag, INPCK, INPCK},   {33, &termios::c_iflag, ISTRIP, ISTRIP},
    {34, &termios::c_iflag, INLCR, INLCR},   {35, &termios::c_iflag, IGNCR, IGNCR},
    {36, &termios::c_iflag, ICRNL, ICRNL},   {37, &termios::c_iflag, IUCLC, IUCLC},
    {38, &termios::c_iflag, IXON, IXON},     {39, &termios::c_iflag, IXANY, IXANY},
    {40, &termios::c_iflag, IXOFF, IXOFF},   {41, &termios::c_iflag, IMAXBEL, IMAXBEL},
    {42, &termios::c_iflag, IUTF8, IUTF8},   {50, &termios::c_lflag, ISIG, ISIG},
    {51, &termios::c_lflag, ICANON, ICANON}, {52, &termios::c_lflag, XCASE, XCASE},
    {53, &termios::c_lflag, ECHO, ECHO},     {54, &termios::c_lflag, ECHOE, ECHOE},
    {55, &termios::c_lflag, ECHOK, ECHOK},   {56, &termios::c_lflag, ECHONL, ECHONL},
    {57, &termios::c_lflag, NOFLSH, NOFLSH}, {58, &termios::c_lflag, TOSTOP, TOSTOP},
    {59, &termios::c_lflag, IEXTEN, IEXTEN}, {60, &termios::c_lflag, ECHOCTL, ECHOCTL},
    {61, &termios::c_lflag, ECHOKE, ECHOKE}, {62, &termios::c_lflag, PENDIN, PENDIN},
    {70, &termios::c_oflag, OPOST, OPOST},   {71, &termios::c_oflag, OLCUC, OLCUC},
    {72, &termios::c_oflag, ONLCR, ONLCR},   {73, &termios::c_oflag, OCRNL, OCRNL},
    {74, &termios::c_oflag, ONOCR, ONOCR},   {75, &termios::c_oflag, ONLRET, ONLRET},
    {90, &termios::c_cflag, CS7, CSIZE},     {91, &termios::c_cflag, CS8, CSIZE},
    {92, &termios::c_cflag, PARENB, PARENB}, {93, &termios::c_cflag, PARODD, PARODD},
});

std::uint32_t big_endian(std::string_view bytes) {
  std::uint32_t value = 0;
  for (const char byte : bytes.substr(0, 4)) {
    value = value << 8 | static_cast<unsigned char>(byte);
  }
  return value;
}

std::optional<speed_t> speed(std::uint32_t baud) {
  static constexpr std::array<std::pair<std::uint32_t, speed_t>, 7> kSpeeds{{{2400, B2400},
                                                                             {4800, B4800},
                                                                             {9600, B9600},
                                                                             {19200, B19200},
                                                                             {38400, B38400},
                                                                             {57600, B57600},
                                                                             {115200, B115200}}};
  for (const auto& [known, code] : kSpeeds) {
    if (known == baud) {
      return code;
    }
  }
  return std::nullopt;
}

void apply_mode(unsigned opcode, std::uint32_t value, termios& settings) {
  for (const Character& character : kCharacters) {
    if (character.opcode == opcode) {
      // 255 is "no such character" (RFC 4254 section 8).
      settings.c_cc[character.index] = value == 255 ? _POSIX_VDISABLE : static_cast<cc_t>(value);
    }
  }
  for (const Flag& flag : kFlags) {
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
  if (baud && opcode == kInputSpeed) {
    ::cfsetispeed(&settings, *baud);
  }
  if (baud && opcode == kOutputSpeed) {
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
    if (opcode == kEnd || opcode >= kFirstWithoutValue) {
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

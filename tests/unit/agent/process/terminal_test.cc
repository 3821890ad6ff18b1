#include "agent/process/terminal.h"

#include <gtest/gtest.h>
#include <sys/ioctl.h>
#include <unistd.h>

namespace rdev::process {
namespace {

std::string mode(unsigned char opcode, std::uint32_t value) {
  std::string bytes(1, static_cast<char>(opcode));
  for (int shift = 24; shift >= 0; shift -= 8) {
    bytes += static_cast<char>(value >> shift);
  }
  return bytes;
}

TEST(ApplyModes, SetsCharactersAndFlags) {
  termios settings{};
  settings.c_lflag = ECHO | ICANON;
  settings.c_cflag = CS8;
  apply_modes(mode(1, 3) + mode(3, 255) + mode(53, 0) + mode(50, 1) + mode(90, 0) + mode(91, 1) +
                  mode(128, 9600) + mode(129, 12345),
              settings);
  EXPECT_EQ(settings.c_cc[VINTR], 3);
  EXPECT_EQ(settings.c_cc[VERASE], _POSIX_VDISABLE);
  EXPECT_EQ(settings.c_lflag, tcflag_t{ICANON | ISIG});
  EXPECT_EQ(settings.c_cflag & CSIZE, tcflag_t{CS8});
  EXPECT_EQ(::cfgetispeed(&settings), speed_t{B9600});
}

TEST(ApplyModes, StopsAtTheEndAndAtWhatItCannotRead) {
  for (const std::string& stop : {std::string(1, '\0'), mode(160, 1), std::string("\x01\x00", 2)}) {
    termios settings{};
    apply_modes(stop + mode(53, 1), settings);
    EXPECT_EQ(settings.c_lflag, tcflag_t{0});
  }
}

TEST(ApplyModes, PassesOverUnknownOpcodes) {
  termios settings{};
  apply_modes(mode(99, 7) + mode(53, 1), settings);
  EXPECT_EQ(settings.c_lflag, tcflag_t{ECHO});
}

TEST(OpenTerminal, HasSizeAndModes) {
  const auto terminal = open_terminal({.columns = 132, .rows = 70000}, mode(53, 0), ::geteuid());
  ASSERT_TRUE(terminal) << terminal.error().message;
  EXPECT_TRUE(terminal->path.starts_with("/dev/pts/")) << terminal->path;
  winsize size{};
  ASSERT_EQ(::ioctl(terminal->slave.get(), TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_col, 132);
  EXPECT_EQ(size.ws_row, 65535);
  termios settings{};
  ASSERT_EQ(::tcgetattr(terminal->slave.get(), &settings), 0);
  EXPECT_EQ(settings.c_lflag & ECHO, tcflag_t{0});
  set_size(terminal->master.get(), {.columns = 80, .rows = 24});
  ASSERT_EQ(::ioctl(terminal->slave.get(), TIOCGWINSZ, &size), 0);
  EXPECT_EQ(size.ws_row, 24);
}

}  // namespace
}  // namespace rdev::process

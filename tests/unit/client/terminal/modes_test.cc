#include "client/terminal/modes.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>

namespace rdev::terminal {
namespace {

std::map<unsigned, unsigned> decode(std::string_view modes) {
  std::map<unsigned, unsigned> values;
  while (modes.size() >= 5) {
    unsigned value = 0;
    for (const char byte : modes.substr(1, 4)) {
      value = value << 8U | static_cast<unsigned char>(byte);
    }
    EXPECT_TRUE(values.emplace(static_cast<unsigned char>(modes[0]), value).second);
    modes.remove_prefix(5);
  }
  EXPECT_EQ(modes, std::string_view("\0", 1));
  return values;
}

TEST(EncodeModes, SaysWhatTheTerminalDoes) {
  termios modes{};
  modes.c_iflag = ICRNL | IUTF8;
  modes.c_oflag = OPOST | ONLCR;
  modes.c_lflag = ECHO | ICANON | ISIG;
  modes.c_cflag = CS8 | PARENB;
  modes.c_cc[VINTR] = 3;
  modes.c_cc[VERASE] = 0x7f;
  modes.c_cc[VSUSP] = _POSIX_VDISABLE;
  ::cfsetispeed(&modes, B115200);  // Linux has one for both
  ::cfsetospeed(&modes, B115200);
  auto values = decode(encode_modes(modes));
  const std::map<unsigned, unsigned> expected = {
      {1, 3},        {3, 0x7f},     {10, 255},           // VINTR VERASE VSUSP
      {34, 0},       {36, 1},       {42, 1},             // INLCR ICRNL IUTF8
      {50, 1},       {51, 1},       {53, 1},   {57, 0},  // ISIG ICANON ECHO NOFLSH
      {70, 1},       {72, 1},       {74, 0},             // OPOST ONLCR ONOCR
      {90, 0},       {91, 1},       {92, 1},   {93, 0},
      {128, 115200}, {129, 115200},  // CS7 CS8 PARENB PARODD
  };
  for (const auto& [opcode, value] : expected) {
    EXPECT_EQ(values.at(opcode), value) << "opcode " << opcode;
  }
}

TEST(EncodeModes, LeavesOutASpeedThatTheProtocolCannotSay) {
  termios modes{};
  ::cfsetispeed(&modes, B0);
  ::cfsetospeed(&modes, B50);
  const auto values = decode(encode_modes(modes));
  EXPECT_FALSE(values.contains(128));
  EXPECT_FALSE(values.contains(129));
}

}  // namespace
}  // namespace rdev::terminal

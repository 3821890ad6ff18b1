#pragma once

#include <termios.h>

#include <array>
#include <cstdint>

// The encoded terminal modes of RFC 4254 section 8: pairs of an opcode and a u32, up to kModesEnd.
// These tables say what the opcodes are in termios(3), for who writes them and who reads them.
namespace rdev::stream {

inline constexpr unsigned kModesEnd = 0, kInputSpeed = 128, kOutputSpeed = 129;
// From here on opcodes have no value, so what follows one of them cannot be read.
inline constexpr unsigned kFirstWithoutValue = 160;
// The value of a character that is switched off.
inline constexpr std::uint32_t kNoCharacter = 255;

struct ModeCharacter {
  unsigned opcode;
  unsigned index;  // into c_cc
};
inline constexpr auto kModeCharacters = std::to_array<ModeCharacter>({
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

// On when `word & mask` is `bits`.
struct ModeFlag {
  unsigned opcode;
  tcflag_t termios::* word;
  tcflag_t bits;
  tcflag_t mask;
};
inline constexpr auto kModeFlags = std::to_array<ModeFlag>({
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

struct ModeSpeed {
  std::uint32_t baud;
  speed_t code;
};
inline constexpr std::array<ModeSpeed, 7> kModeSpeeds{{{2400, B2400},
                                                       {4800, B4800},
                                                       {9600, B9600},
                                                       {19200, B19200},
                                                       {38400, B38400},
                                                       {57600, B57600},
                                                       {115200, B115200}}};

}  // namespace rdev::stream

#pragma once

#include <cstdint>

namespace rdev::link_process {

// Of the frames between a process and its link process, PROTOCOL.md section 5: both may come from
// different versions of rdev.
inline constexpr std::uint32_t kAttachProtocol = 1;

}  // namespace rdev::link_process

#pragma once

#include <string>
#include <vector>

namespace rdev::link_process {

// `rdev link-process NAME`: not for people; attach() starts it. Ends with the job.
inline constexpr char kLinkCommand[] = "link-process";
int run_link(const std::vector<std::string>& arguments);

}  // namespace rdev::link_process

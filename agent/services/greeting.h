#pragma once

#include <filesystem>
#include <string>

namespace rdev::services {

struct GreetingSources {
  std::filesystem::path home;
  std::filesystem::path motd = "/etc/motd";
  std::string note;  // about the job; empty: nothing to say
};

// What greets a person who opens a shell on a terminal, with the line ends of one: the image's
// /etc/motd (at most 64 KiB, longer ones are left out), then "rdev: NOTE". Empty with
// ~/.hushlogin.
std::string greeting(const GreetingSources& sources);

}  // namespace rdev::services

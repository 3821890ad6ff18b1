#include "client/cluster/local/machine.h"

#include <sched.h>

#include <charconv>
#include <filesystem>
#include <string>
#include <string_view>

#include "protocol/base/file.h"

namespace rdev::cluster {
namespace {

// The number behind "NAME:" of /proc/meminfo, which is in kB; here in MB.
std::optional<double> memory_mb(std::string_view meminfo, std::string_view name) {
  const std::size_t at = meminfo.find(name);
  const std::size_t digits =
      at == std::string_view::npos ? at : meminfo.find_first_of("0123456789", at);
  double kilobytes = 0;
  if (digits == std::string_view::npos ||
      std::from_chars(meminfo.data() + digits, meminfo.data() + meminfo.size(), kilobytes).ec !=
          std::errc()) {
    return std::nullopt;
  }
  return kilobytes / 1024;
}

double nvidia_gpus() {
  std::error_code error;
  double count = 0;
  for (std::filesystem::directory_iterator at("/proc/driver/nvidia/gpus", error), end;
       !error && at != end; at.increment(error)) {
    ++count;
  }
  return count;
}

}  // namespace

Pool this_machine() {
  Pool pool;
  cpu_set_t cpus;
  if (::sched_getaffinity(0, sizeof cpus, &cpus) == 0) {
    pool.total.cpus = CPU_COUNT(&cpus);
  }
  const std::string meminfo = base::read_file("/proc/meminfo", 65536).value_or("");
  pool.total.memory_mb = memory_mb(meminfo, "MemTotal:");
  pool.free.memory_mb = memory_mb(meminfo, "MemAvailable:");
  pool.total.gpus = nvidia_gpus();
  return pool;
}

}  // namespace rdev::cluster

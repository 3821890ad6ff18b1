#include "client/tunnels/saved.h"

#include <charconv>

#include "client/state/job_record.h"
#include "protocol/base/file.h"

namespace rdev::tunnels {
namespace {

constexpr std::size_t kMaxSaved = 1U << 20U;

std::filesystem::path tunnels_file(const state::Paths& paths, const std::string& job) {
  return state::job_files(paths, job).dir / "tunnels";
}

std::filesystem::path port_file(const state::Paths& paths, const std::string& job,
                                Tunnel::Kind kind) {
  return state::job_files(paths, job).dir /
         (kind == Tunnel::RAW ? "connect-raw-port" : "connect-port");
}

}  // namespace

Result<std::vector<Tunnel>> load_tunnels(const state::Paths& paths, const std::string& job) {
  const std::filesystem::path file = tunnels_file(paths, job);
  std::error_code error;
  if (!std::filesystem::exists(file, error) && !error) {
    return std::vector<Tunnel>();
  }
  const auto bytes = base::read_file(file, kMaxSaved);
  if (!bytes) {
    return tl::make_unexpected(bytes.error());
  }
  SavedTunnels saved;
  if (!saved.ParseFromString(*bytes)) {
    return fail(Code::kProtocol, file.string() +
                                     " cannot be read: remove it, and open its tunnels again with "
                                     "rdev forward");
  }
  return std::vector<Tunnel>(saved.tunnels().begin(), saved.tunnels().end());
}

Result<void> save_tunnels(const state::Paths& paths, const std::string& job,
                          const std::vector<Tunnel>& tunnels) {
  SavedTunnels saved;
  for (const Tunnel& tunnel : tunnels) {
    *saved.add_tunnels() = tunnel;
  }
  return base::write_file_atomic(tunnels_file(paths, job), saved.SerializeAsString(), 0600);
}

std::optional<std::uint16_t> load_connect_port(const state::Paths& paths, const std::string& job,
                                               Tunnel::Kind kind) {
  const auto text = base::read_file(port_file(paths, job, kind), 16);
  std::uint16_t port = 0;
  if (!text || std::from_chars(text->data(), text->data() + text->size(), port).ec != std::errc() ||
      port == 0) {
    return std::nullopt;
  }
  return port;
}

Result<void> save_connect_port(const state::Paths& paths, const std::string& job, Tunnel::Kind kind,
                               std::uint16_t port) {
  return base::write_file_atomic(port_file(paths, job, kind), std::to_string(port) + "\n", 0600);
}

}  // namespace rdev::tunnels

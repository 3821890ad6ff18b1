#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"
#include "client/state/paths.h"
#include "protocol/base/result.h"

namespace rdev::templates {

struct Mount {
  std::string host, path;
  bool read_only = false;
};

// What a user may write in jobtemplates/*.yaml; jobtemplates/docker.yaml explains each key. Command
// line options go over it.
struct JobTemplate {
  std::optional<std::string> cluster;
  std::string image;
  std::string user;
  std::vector<std::string> command;
  bool entrypoint = true;
  bool exit_with_command = false;
  std::optional<int> gpus;  // -1: all
  std::optional<double> cpus;
  std::optional<std::uint64_t> memory_bytes, shm_bytes;
  bool privileged = false;
  bool read_only = false;
  std::map<std::string, std::string> env;
  std::vector<std::uint16_t> ports;
  std::vector<Mount> mounts;
  std::optional<std::string> publish;
  // Unset: the default of `rdev up`. Set to nullopt: no end.
  std::optional<std::optional<std::chrono::seconds>> lifetime;
  bool login = false;
  std::vector<cluster::Denied> deny;
};

// Code::kUsage "FILE:LINE:COLUMN: …" for whatever is not understood.
Result<JobTemplate> parse_job_template(std::string_view text, const std::string& file);

// `which` is a path (it has a '/' or ends in .yaml), or a name: config/jobtemplates/NAME.yaml, then
// the one that came with rdev.
Result<std::filesystem::path> find_job_template(const state::Paths& paths,
                                                const std::string& which);
Result<JobTemplate> load_job_template(const std::filesystem::path& path);

// The spellings that the command line shares with templates.
Result<Mount> parse_mount(const std::string& text);             // HOST:PATH[:ro|:rw]
Result<int> parse_gpus(const std::string& text);                // a number, or "all"
Result<double> check_cpus(double cpus);                         // more than 0, at most 4096
Result<void> check_env_name(const std::string& name);           // not empty, no '='
Result<cluster::Denied> parse_denied(const std::string& text);  // "local-tcp", …

}  // namespace rdev::templates

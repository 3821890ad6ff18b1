#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "client/cluster/cluster.h"

namespace rdev::cluster::openpai {

// Code::kUsage for what OpenPAI has no way to do, with what to do instead. Looks at the options
// only; the document is read by render.
Result<void> check_spec(const JobSpec& spec);
// What of it the cluster's scheduler takes, whatever the document.
Result<void> check_scheduling(const JobSpec& spec);

// What the job is made of and JobSpec does not have.
struct RenderInput {
  std::string agent_config;  // a serialised rdev.AgentConfig, see agent_config.h. Secret
  std::string stub;          // the stub program; Injection::Rung::kStub only
  std::string agent_sha256;  // lower-case hex
  std::uint64_t agent_size = 0;
  std::vector<std::string> host_public_keys;  // one an instance: spec.instances
  std::string version;                        // rdev's own
};

struct Rendered {
  std::string job_name;  // rdev-NAME-ID6
  std::string role;      // where the agents are, as the server writes it
  int instances = 1;
  std::string body;                // JSON, to be sent as text/yaml. Secret
  std::string preview;             // YAML for people, without secrets and without the stub's bytes
  std::vector<std::string> notes;  // sentences: what rdev changed that one might not expect
};

// The document with the options over it and the agent in it. The role is the document's first one;
// spec.instances is the number of its instances whatever the document says
// (templates::read_openpai_settings tells what that is). Code::kUsage with all of the document's
// problems, a line each: "FILE:LINE:COLUMN: taskRoles.rdev.instances: must be …".
Result<Rendered> render(const JobSpec& spec, const RenderInput& input);

// rdev-NAME-<first 6 of the id>.
std::string job_name(const JobSpec& spec);

}  // namespace rdev::cluster::openpai

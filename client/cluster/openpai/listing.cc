#include "client/cluster/openpai/listing.h"

#include <algorithm>
#include <utility>

#include "client/cluster/openpai/read_json.h"
#include "client/state/job_record.h"

namespace rdev::cluster::openpai {
namespace {

Result<JobSummary> read_summary(const json::object& object) {
  JobSummary job{.name = text_in(object, "name"),
                 .user = text_in(object, "username"),
                 .raw_state = text_in(object, "state"),
                 .virtual_cluster = text_in(object, "virtualCluster"),
                 .exit_code = int_in(object, "appExitCode"),
                 .submitted_ms = whole_in(object, "submissionTime"),
                 .completed_ms = whole_in(object, "completedTime"),
                 .launched_ms = whole_in(object, "launchedTime"),
                 .retries = int_in(object, "retries").value_or(0),
                 .tasks = int_in(object, "totalTaskNumber").value_or(0),
                 .gpus = int_in(object, "totalGpuNumber").value_or(0),
                 .priority = text_in(object, "jobPriority"),
                 .tags = texts_in(object, "tags")};
  if (job.name.empty() || job.user.empty()) {
    return fail(Code::kProtocol, "the server's list of jobs has one without a name or a user");
  }
  job.state = parse_state(job.raw_state);
  if (!job.submitted_ms) {
    job.submitted_ms = whole_in(object, "createdTime");
  }
  return job;
}

bool all_of(std::string_view text, std::string_view characters) {
  return !text.empty() && text.find_first_not_of(characters) == std::string_view::npos;
}

constexpr std::string_view kHex = "0123456789abcdef";
constexpr std::string_view kLettersAndDigits =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

// "ssh-ed25519 AAAA…" and nothing behind it: a line of known_hosts is made of it.
bool is_host_key(std::string_view text) {
  constexpr std::string_view kType = "ssh-ed25519 ";
  return text.starts_with(kType) && text.size() <= 200 &&
         all_of(text.substr(kType.size()), std::string(kLettersAndDigits) + "+/=");
}

tl::unexpected<Error> wrong(std::string_view member) {
  return fail(Code::kProtocol, "what rdev wrote into the job (extras.rdev) has a wrong \"" +
                                   std::string(member) + "\"; the job cannot be taken over");
}

Result<RdevFacts> read_facts(const json::object& object) {
  RdevFacts facts{.id = text_in(object, "id"),
                  .name = text_in(object, "name"),
                  .owner = text_in(object, "owner"),
                  .host_public_keys = texts_in(object, "host_public_keys"),
                  .version = text_in(object, "version")};
  if (facts.id.size() > 100 || !all_of(facts.id, std::string(kLettersAndDigits) + "-_")) {
    return wrong("id");
  }
  if (!state::valid_job_name(facts.name)) {
    return wrong("name");
  }
  if (facts.owner.size() > 100 || !all_of(facts.owner, std::string(kLettersAndDigits) + ":+/=")) {
    return wrong("owner");
  }
  const json::array* keys = array_in(object, "host_public_keys");
  // One an instance: none may be left out.
  if (keys == nullptr || keys->empty() || facts.host_public_keys.size() != keys->size() ||
      !std::all_of(facts.host_public_keys.begin(), facts.host_public_keys.end(), is_host_key)) {
    return wrong("host_public_keys");
  }
  const json::object* agent = object_in(object, "agent");
  if (agent == nullptr) {
    return wrong("agent");
  }
  facts.agent_sha256 = text_in(*agent, "sha256");
  const auto size = whole_in(*agent, "size");
  if (facts.agent_sha256.size() != 64 || !all_of(facts.agent_sha256, kHex) || !size || *size < 1) {
    return wrong("agent");
  }
  facts.agent_size = static_cast<std::uint64_t>(*size);
  return facts;
}

// The URI of the image that the document calls `name`.
std::string image_named(const json::object& document, const std::string& name) {
  const json::array* all = array_in(document, "prerequisites");
  if (all == nullptr) {
    return "";
  }
  for (const json::value& item : *all) {
    const json::object* object = item.if_object();
    if (object != nullptr && text_in(*object, "name") == name &&
        text_in(*object, "type") == "dockerimage") {
      return text_in(*object, "uri");
    }
  }
  return "";
}

}  // namespace

Result<JobList> parse_jobs(std::string_view body) {
  constexpr std::string_view kWhat = "list of jobs";
  const auto value = read_body(body, kWhat);
  if (!value) {
    return tl::make_unexpected(value.error());
  }
  JobList list;
  const json::array* data = value->if_array();
  if (const json::object* object = value->if_object(); object != nullptr) {
    data = array_in(*object, "data");
    list.total = whole_in(*object, "totalCount");
  }
  if (data == nullptr) {
    return fail(Code::kProtocol, "the server's list of jobs is no list");
  }
  for (const json::value& item : *data) {
    if (!item.is_object()) {
      return fail(Code::kProtocol, "the server's list of jobs has something else in it");
    }
    auto job = read_summary(item.get_object());
    if (!job) {
      return tl::make_unexpected(job.error());
    }
    list.jobs.push_back(std::move(*job));
  }
  return list;
}

Result<JobConfig> parse_job_config(std::string_view body) {
  const auto document = read_object(body, "copy of the job's document");
  if (!document) {
    return tl::make_unexpected(document.error());
  }
  JobConfig config;
  const json::object* roles = object_in(*document, "taskRoles");
  if (roles != nullptr && !roles->empty()) {
    const auto& first = *roles->begin();
    config.role = first.key();
    if (const json::object* role = first.value().if_object(); role != nullptr) {
      config.instances = int_in(*role, "instances").value_or(1);
      config.image = image_named(*document, text_in(*role, "dockerImage"));
    }
  }
  if (const json::object* defaults = object_in(*document, "defaults"); defaults != nullptr) {
    config.virtual_cluster = text_in(*defaults, "virtualCluster");
  }
  const json::object* extras = object_in(*document, "extras");
  const json::value* facts = extras == nullptr ? nullptr : member(*extras, "rdev");
  if (facts != nullptr) {
    if (!facts->is_object()) {
      return wrong("rdev");
    }
    auto read = read_facts(facts->get_object());
    if (!read) {
      return tl::make_unexpected(read.error());
    }
    config.rdev = std::move(*read);
  }
  return config;
}

}  // namespace rdev::cluster::openpai

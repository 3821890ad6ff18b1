#include "client/cluster/openpai/render.h"

#include "client/cluster/openpai/document.h"
#include "client/cluster/openpai/marks.h"
#include "client/cluster/openpai/options.h"
#include "client/cluster/openpai/preview.h"
#include "client/cluster/openpai/region.h"
#include "client/cluster/openpai/schema.h"
#include "client/sshconfig/quote.h"
#include "client/templates/pointer.h"
#include "client/templates/typed_yaml.h"
#include "client/templates/yaml_text.h"
#include "protocol/ssh/base64.h"

namespace rdev::cluster::openpai {

namespace json = boost::json;
using templates::TypedYaml;

namespace {

constexpr std::string_view kSecret = "rdev_agent";

// What is rdev's own in a job and cannot be the user's as well.
std::vector<Problem> own_problems(const json::value& job) {
  std::vector<Problem> found;
  const json::object* secrets =
      job.as_object().contains("secrets") ? job.at("secrets").if_object() : nullptr;
  if (secrets != nullptr && secrets->contains(kSecret) && !is_rendered(job)) {
    found.push_back({.pointer = templates::pointer_to("/secrets", kSecret),
                     .what = "is rdev's own: give your secret another name",
                     .at = Problem::At::kKey});
  }
  return found;
}

// Where the region goes; marks of other roles are problems.
tl::expected<Marks, Problem> marks_of(const json::value& job) {
  const std::string first = role_name(job);
  Marks marks;
  for (const auto& [name, role] : job.at("taskRoles").as_object()) {
    const std::string pointer = templates::pointer_to(
        templates::pointer_to("/taskRoles", std::string_view(name)), "commands");
    const auto found = find_marks(role.at("commands").as_array());
    if (!found) {
      return tl::make_unexpected(
          Problem{.pointer = templates::pointer_to(pointer, found.error().item),
                  .what = found.error().what});
    }
    if (std::string_view(name) == first) {
      marks = *found;
    } else if (found->found) {
      return tl::make_unexpected(
          Problem{.pointer = templates::pointer_to(pointer, found->start.item),
                  .what = "rdev comes into the first role only, which is " + first +
                          ": move the marks there, or this role to the front"});
    }
  }
  return marks;
}

Region region_of(const JobSpec& spec, const RenderInput& input, const std::string& role,
                 bool has_commands) {
  return {.injection = spec.injection,
          .stub = input.stub,
          .agent_sha256 = input.agent_sha256,
          .agent_size = input.agent_size,
          .role = role,
          .instances = spec.instances,
          .attach_timeout = spec.attach_timeout,
          .lifetime = spec.lifetime,
          .has_commands = has_commands,
          .exit_with_command = spec.exit_with_command,
          .env = spec.env};
}

std::string command_line(const std::vector<std::string>& words) {
  std::string line;
  for (const std::string& word : words) {
    line += (line.empty() ? "" : " ") + unexpanded(sshconfig::shell_quote(word));
  }
  return line;
}

void set_own_facts(json::value& job, const JobSpec& spec, const RenderInput& input) {
  json::object& top = job.as_object();
  json::value& secrets = top["secrets"];
  if (secrets.is_null()) {
    secrets.emplace_object();
  }
  secrets.as_object()[kSecret] = ssh::base64(input.agent_config);
  json::array keys;
  for (const std::string& key : input.host_public_keys) {
    keys.emplace_back(key);
  }
  top["extras"].as_object()["rdev"] = {
      {"id", spec.id},
      {"name", spec.name},
      {"owner", spec.owner},
      {"host_public_keys", std::move(keys)},
      {"agent", {{"sha256", input.agent_sha256}, {"size", input.agent_size}}},
      {"version", input.version}};
}

// The job with the region in it, for the server and for people.
void put_region(json::value& job, const Marks& marks, const JobSpec& spec, const RenderInput& input,
                Rendered& rendered) {
  json::array& commands = role_of(job)["commands"].as_array();
  const bool has_commands = !spec.command.empty() || has_commands_behind(commands, marks);
  Region region = region_of(spec, input, rendered.role, has_commands);
  Insertion insertion{.setup = spec.setup,
                      .region = region_commands(region),
                      .command = command_line(spec.command),
                      .again = is_rendered(job)};
  const json::array before = commands;
  commands = insert(before, marks, insertion);
  set_own_facts(job, spec, input);
  rendered.body = templates::to_json(job);

  region.stub = "[rdev-stub, " + std::to_string(input.stub.size()) + " bytes]";
  insertion.region = region_commands(region);
  json::value shown = without_secrets(job);
  role_of(shown)["commands"] = insert(before, marks, insertion);
  rendered.preview = templates::to_yaml(shown);
}

Result<void> check_result(const json::value& job, const Rendered& rendered) {
  for (const Problem& problem : problems(job)) {
    return fail(Code::kUsage, "with these options the job is refused: " +
                                  templates::pointer_text(problem.pointer) + ": " + problem.what);
  }
  if (rendered.body.size() > kMaxJobBytes) {
    return fail(Code::kLimit,
                "the job has " + std::to_string(rendered.body.size()) +
                    " bytes and the server takes at most " + std::to_string(kMaxJobBytes) +
                    ": make the template shorter, or put long scripts in a storage or the image");
  }
  return {};
}

}  // namespace

std::string job_name(const JobSpec& spec) {
  constexpr std::size_t kIdCharacters = 6;
  return "rdev-" + spec.name + "-" + spec.id.substr(0, kIdCharacters);
}

Result<Rendered> render(const JobSpec& spec, const RenderInput& input) {
  if (const auto checked = check_spec(spec); !checked) {
    return tl::make_unexpected(checked.error());
  }
  if (input.host_public_keys.size() != static_cast<std::size_t>(spec.instances)) {
    return fail(Code::kFailed, std::to_string(input.host_public_keys.size()) + " host keys for " +
                                   std::to_string(spec.instances) + " instances");
  }
  const auto document = templates::parse_typed_yaml(spec.document->text, spec.document->file);
  if (!document) {
    return tl::make_unexpected(document.error());
  }
  json::value job = document->value();
  complete(job, spec);
  if (const auto good = refuse(*document, problems(job)); !good) {
    return tl::make_unexpected(good.error());
  }
  const auto marks = marks_of(job);
  std::vector<Problem> found = own_problems(job);
  if (!marks) {
    found.push_back(marks.error());
  }
  Rendered rendered{.job_name = job_name(spec), .instances = spec.instances};
  rendered.notes = rename_roles(job);
  rendered.role = role_name(job);
  const std::vector<Problem> more = apply_options(job, spec, rendered.notes);
  found.insert(found.end(), more.begin(), more.end());
  if (const auto good = refuse(*document, found); !good) {
    return tl::make_unexpected(good.error());
  }
  put_region(job, *marks, spec, input, rendered);
  if (const auto good = check_result(job, rendered); !good) {
    return tl::make_unexpected(good.error());
  }
  return rendered;
}

}  // namespace rdev::cluster::openpai

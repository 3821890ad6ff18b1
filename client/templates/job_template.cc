#include "client/templates/job_template.h"

#include <charconv>
#include <system_error>

#include "client/templates/strict_yaml.h"
#include "client/ui/units.h"
#include "protocol/base/file.h"

namespace rdev::templates {
namespace {

namespace fs = std::filesystem;

// Reads the text with `parse`; its error gets the value's place.
template <class T>
Result<T> parsed(const Value& value, Result<T> (*parse)(const std::string&)) {
  const auto text = value.text();
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  auto result = parse(*text);
  if (!result) {
    return value.wrong(result.error().message);
  }
  return result;
}

Result<std::uint64_t> size(const std::string& text) { return ui::parse_size(text); }
Result<std::optional<std::chrono::seconds>> lifetime(const std::string& text) {
  return ui::parse_lifetime(text);
}

Result<void> read_resources(const Value& value, JobTemplate& job) {
  return value.mapping({
      {"gpus", [&](const Value& v) { return assign(job.gpus, parsed<int>(v, parse_gpus)); }},
      {"cpus",
       [&](const Value& v) -> Result<void> {
         const auto number = v.number();
         if (!number) {
           return tl::make_unexpected(number.error());
         }
         const auto checked = check_cpus(*number);
         if (!checked) {
           return v.wrong(checked.error().message);
         }
         job.cpus = *checked;
         return {};
       }},
      {"memory",
       [&](const Value& v) { return assign(job.memory_bytes, parsed<std::uint64_t>(v, size)); }},
      {"shm",
       [&](const Value& v) { return assign(job.shm_bytes, parsed<std::uint64_t>(v, size)); }},
  });
}

Result<void> read_ports(const Value& value, JobTemplate& job) {
  const auto items = value.items();
  if (!items) {
    return tl::make_unexpected(items.error());
  }
  for (const Value& item : *items) {
    const auto port = item.whole_number(1, 65535);
    if (!port) {
      return tl::make_unexpected(port.error());
    }
    job.ports.push_back(static_cast<std::uint16_t>(*port));
  }
  return {};
}

Result<void> read_mounts(const Value& value, JobTemplate& job) {
  const auto items = value.items();
  if (!items) {
    return tl::make_unexpected(items.error());
  }
  for (const Value& item : *items) {
    auto mount = parsed<Mount>(item, parse_mount);
    if (!mount) {
      return tl::make_unexpected(mount.error());
    }
    job.mounts.push_back(std::move(*mount));
  }
  return {};
}

Result<void> read_deny(const Value& value, JobTemplate& job) {
  const auto items = value.items();
  if (!items) {
    return tl::make_unexpected(items.error());
  }
  for (const Value& item : *items) {
    const auto denied = parsed<cluster::Denied>(item, parse_denied);
    if (!denied) {
      return tl::make_unexpected(denied.error());
    }
    job.deny.push_back(*denied);
  }
  return {};
}

Result<void> read_env(const Value& value, JobTemplate& job) {
  auto env = value.text_map();
  if (!env) {
    return tl::make_unexpected(env.error());
  }
  for (const auto& [name, text] : *env) {
    if (const auto checked = check_env_name(name); !checked) {
      return value.wrong(checked.error().message);
    }
  }
  job.env = std::move(*env);
  return {};
}

}  // namespace

Result<JobTemplate> parse_job_template(std::string_view text, const std::string& file) {
  const auto document = parse_yaml(text, file);
  if (!document) {
    return tl::make_unexpected(document.error());
  }
  JobTemplate job;
  auto read = document->mapping({
      {"cluster", [&](const Value& v) { return assign(job.cluster, v.text()); }},
      {"image", [&](const Value& v) { return assign(job.image, v.text()); }},
      {"user", [&](const Value& v) { return assign(job.user, v.text()); }},
      {"command", [&](const Value& v) { return assign(job.command, v.texts()); }},
      {"entrypoint", [&](const Value& v) { return assign(job.entrypoint, v.flag()); }},
      {"exit_with_command",
       [&](const Value& v) { return assign(job.exit_with_command, v.flag()); }},
      {"resources", [&](const Value& v) { return read_resources(v, job); }},
      {"privileged", [&](const Value& v) { return assign(job.privileged, v.flag()); }},
      {"read_only", [&](const Value& v) { return assign(job.read_only, v.flag()); }},
      {"env", [&](const Value& v) { return read_env(v, job); }},
      {"ports", [&](const Value& v) { return read_ports(v, job); }},
      {"mounts", [&](const Value& v) { return read_mounts(v, job); }},
      {"publish", [&](const Value& v) { return assign(job.publish, v.text()); }},
      {"lifetime",
       [&](const Value& v) {
         return assign(job.lifetime, parsed<std::optional<std::chrono::seconds>>(v, lifetime));
       }},
      {"login", [&](const Value& v) { return assign(job.login, v.flag()); }},
      {"deny", [&](const Value& v) { return read_deny(v, job); }},
  });
  if (!read) {
    return tl::make_unexpected(read.error());
  }
  return job;
}

Result<fs::path> find_job_template(const state::Paths& paths, const std::string& which) {
  std::error_code error;
  if (which.find('/') != std::string::npos || which.ends_with(".yaml")) {
    return fs::path(which);
  }
  fs::path own = paths.config / "jobtemplates" / (which + ".yaml");
  if (fs::exists(own, error)) {
    return own;
  }
  auto shared = state::find_shared_file("jobtemplates/" + which + ".yaml");
  if (!shared) {
    return prefix("there is no " + own.string(), shared.error());
  }
  return shared;
}

Result<JobTemplate> load_job_template(const fs::path& path) {
  const auto text = base::read_file(path, kMaxYamlBytes);
  if (!text) {
    return tl::make_unexpected(text.error());
  }
  return parse_job_template(*text, path.string());
}

Result<Mount> parse_mount(const std::string& text) {
  Mount mount;
  std::string rest = text;
  if (rest.ends_with(":ro") || rest.ends_with(":rw")) {
    mount.read_only = rest.ends_with(":ro");
    rest.resize(rest.size() - 3);
  }
  const std::size_t colon = rest.find(':');
  if (colon != std::string::npos) {
    mount.host = rest.substr(0, colon);
    mount.path = rest.substr(colon + 1);
  }
  if (mount.host.empty() || !mount.path.starts_with('/') ||
      mount.path.find(':') != std::string::npos) {
    return fail(Code::kUsage, "'" + text +
                                  "' is not a mount: write HOST:PATH, or HOST:PATH:ro, "
                                  "with an absolute PATH in the job");
  }
  return mount;
}

Result<int> parse_gpus(const std::string& text) {
  if (text == "all") {
    return -1;
  }
  int gpus = 0;
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), gpus);
  if (error != std::errc() || rest != text.data() + text.size() || gpus < 0 || gpus > 1024) {
    return fail(Code::kUsage, "'" + text + "' is not a number of GPUs: write 0 to 1024, or all");
  }
  return gpus;
}

Result<double> check_cpus(double cpus) {
  if (!(cpus > 0) || cpus > 4096) {
    return fail(Code::kUsage, "the number of CPUs must be more than 0 and at most 4096, as in 2.5");
  }
  return cpus;
}

Result<cluster::Denied> parse_denied(const std::string& text) {
  using cluster::Denied;
  const std::pair<std::string_view, Denied> known[] = {{"local-tcp", Denied::kLocalTcp},
                                                       {"remote-tcp", Denied::kRemoteTcp},
                                                       {"unix-sockets", Denied::kUnixSockets},
                                                       {"agent", Denied::kAgent}};
  for (const auto& [name, denied] : known) {
    if (text == name) {
      return denied;
    }
  }
  return fail(Code::kUsage, "'" + text +
                                "' cannot be denied: write local-tcp, remote-tcp, unix-sockets "
                                "or agent");
}

Result<void> check_env_name(const std::string& name) {
  if (name.empty() || name.find('=') != std::string::npos) {
    return fail(Code::kUsage, "'" + name + "' is not a name for an environment variable");
  }
  return {};
}

}  // namespace rdev::templates

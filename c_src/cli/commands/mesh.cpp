#include "cli/commands/mesh.hpp"

#include <unistd.h>

#include <iostream>
#include <string>

#include "cli/commands/failure.hpp"
#include "cli/commands/slow_notice.hpp"
#include "cli/commands/status.hpp"
#include "cli/commands/timeout.hpp"
#include "rancher_cnode/distribution/term.hpp"
#include "rancher_cnode/status/mesh_renderings.hpp"

namespace rancher_cnode::cli {
namespace {

constexpr int holes_status = 3;

std::string rendered(const status::Mesh& mesh, std::string_view format, const status::TableStyle& style) {
  return format == "json"  ? status::as_json(mesh)
         : format == "dot" ? status::as_dot(mesh)
         : format == "svg" ? status::as_svg(mesh)
                           : status::as_table(mesh, style);
}

int status_of(const status::MeshFindings& findings) {
  switch (findings.kind) {
    case status::MeshFindings::Kind::whole:
      return 0;
    case status::MeshFindings::Kind::holes:
    case status::MeshFindings::Kind::unconfirmed:
      return holes_status;
    case status::MeshFindings::Kind::not_driving:
      break;
  }
  return not_driving_status;
}

}  // namespace

int print_mesh(const Config& config, Milliseconds timeout, std::string_view format,
               const config::Environment& environment) {
  const Log log(LogLevel::error, config.log_format);
  const SlowNotice notice(STDERR_FILENO, "asking every BEAM for its connections", limit_of(timeout));
  const auto answer = container_answer(config, distribution::TermWriter().atom("mesh").take(), timeout, log);
  const auto mesh = answer.and_then([](const Answer& given) {
    return status::Mesh::read(given.term).map_error([&](const Error& error) {
      return error.within(given.cnode);
    });
  });
  if (!mesh) {
    print_failure(config, mesh.error().message);
    return 1;
  }
  std::cout << rendered(*mesh, format, table_style(STDOUT_FILENO, environment)) << std::flush;
  return status_of(status::examine(*mesh));
}

}  // namespace rancher_cnode::cli

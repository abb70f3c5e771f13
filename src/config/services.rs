//! `[services]`: services beyond those that are built in, a TOML file each.

use std::{
    fs, io,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::model::catalog::{Catalog, CatalogError, Service};

use super::{
    file::{line_of, without_values},
    problem::{ConfigError, Problem},
};

/// Where more services are described.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ServicesConfig {
    /// Every `*.toml` file in it describes the service that it is named after. Read at the start.
    pub directory: Option<PathBuf>,
}

impl ServicesConfig {
    /// The services that are built in, and those of the directory; one of a known name takes its place.
    ///
    /// # Errors
    /// Every file that cannot be used, with line and reason.
    pub fn catalog(&self) -> Result<Catalog, ConfigError> {
        let Some(directory) = &self.directory else { return Ok(Catalog::built_in().clone()) };
        let files = files_of(directory).map_err(|error| {
            let message = format!("the folder of services.directory cannot be read: {error}");
            Problem::file(directory.clone(), None, None, message)
        })?;
        let (mut services, mut problems) = (Vec::new(), Vec::new());
        for path in files {
            match read(&path) {
                Ok(service) => services.push(service),
                Err(problem) => problems.push(problem),
            }
        }
        ConfigError::unless_empty(problems)?;
        Ok(Catalog::built_in().with(services))
    }
}

/// Reads the description of one service, named as its file is.
///
/// # Errors
/// What is wrong with it, and where.
pub fn read_service(path: &Path) -> Result<Service, ConfigError> {
    read(path).map_err(ConfigError::from)
}

fn read(path: &Path) -> Result<Service, Problem> {
    let problem = |line, message: String| Problem::file(path.to_owned(), line, None, message);
    let text = fs::read_to_string(path)
        .map_err(|error| problem(None, format!("the file cannot be read: {error}")))?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    Service::read(&name, &text).map_err(|error| match error {
        CatalogError::Form { cause, .. } => {
            let line = cause.span().map(|span| line_of(&text, span.start));
            problem(line, without_values(cause.message()))
        }
        CatalogError::Name { name, cause } => {
            problem(None, format!("the file's name `{name}` names no service: {cause}"))
        }
        CatalogError::Wrong { near, reason, .. } => {
            let line =
                (1..).zip(text.lines()).find(|(_, line)| line.contains(&near)).map(|(number, _)| number);
            problem(line, reason)
        }
        CatalogError::Field { ref field, .. } => {
            let quoted = format!("\"{field}\"");
            let last = (1..).zip(text.lines()).filter(|(_, line)| line.contains(&quoted)).last();
            let line = last.map(|(number, _)| number);
            problem(line, format!("the field `{field}` is named twice, or is not there"))
        }
    })
}

fn files_of(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let entries: Vec<_> = fs::read_dir(directory)?.collect::<Result<_, _>>()?;
    let is_description = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "toml");
    let mut files: Vec<PathBuf> =
        entries.into_iter().map(|entry| entry.path()).filter(is_description).collect();
    files.sort_unstable();
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEATHER: &str = "title = \"Weather\"\naccount = \"The station\"\n\n[[fields]]\nname = \"key\"\nkind = \"header_value\"\n\
                           secret = true\nrequired = true\nexample = \"abc\"\ndescription = \"The key.\"\n";

    fn catalog(files: &[(&str, &str)]) -> Result<Catalog, String> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        let config = ServicesConfig { directory: Some(folder.path().to_owned()) };
        let shown = folder.path().display().to_string();
        config.catalog().map_err(|error| error.to_string().replace(&shown, ""))
    }

    fn title(catalog: &Catalog, name: &str) -> Option<String> {
        catalog.find(&name.parse().unwrap()).map(|service| service.title.clone())
    }

    #[test]
    fn without_a_directory_there_are_those_that_are_built_in() {
        assert_eq!(&ServicesConfig::default().catalog().unwrap(), Catalog::built_in());
    }

    #[test]
    fn files_add_services_and_take_the_place_of_others() {
        let jira = WEATHER.replace("Weather", "Our Jira");
        let found =
            catalog(&[("weather.toml", WEATHER), ("jira.toml", &jira), ("notes.md", "no service")]).unwrap();
        assert_eq!(title(&found, "weather").as_deref(), Some("Weather"));
        assert_eq!(title(&found, "jira").as_deref(), Some("Our Jira"));
        assert_eq!(title(&found, "notion").as_deref(), Some("Notion"));
        assert_eq!(found.services().count(), Catalog::built_in().services().count() + 1);
    }

    #[test]
    fn every_wrong_file_is_named_with_line_and_reason() {
        let twice = format!(
            "{WEATHER}\n[[fields]]\nname = \"key\"\nkind = \"text\"\nexample = \"b\"\ndescription = \"b\"\n"
        );
        let unknown = WEATHER.replace("required = true", "needed = true");
        let told = catalog(&[("Weather.toml", WEATHER), ("twice.toml", &twice), ("unknown.toml", &unknown)])
            .unwrap_err();
        for part in [
            "/Weather.toml",
            "names no service",
            "/twice.toml:13",
            "named twice",
            "/unknown.toml:8",
            "needed",
        ] {
            assert!(told.contains(part), "{part}: {told}");
        }
    }

    #[test]
    fn a_directory_that_is_not_there_is_told() {
        let config = ServicesConfig { directory: Some("/nonexistent/services".into()) };
        let told = config.catalog().unwrap_err().to_string();
        assert!(told.contains("/nonexistent/services") && told.contains("services.directory"), "{told}");
    }
}

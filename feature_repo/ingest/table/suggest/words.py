"""What columns, files and values are called elsewhere, in the languages in which people name them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence

VIDEO = (
    "video film movie item show title content asset media clip vod titel programm peli pelicula serie filme oeuvre "
    "titre"
)
USER = (
    "user viewer customer member account client profile subscriber kunde nutzer benutzer zuschauer konto "
    "usuario cliente espectador abonne utilisateur spectateur utente abonado"
)
_SMALL = ("du", "de", "la", "le", "les", "del", "des", "der", "el", "of", "the", "am", "um", "in", "en", "mit")
_ID = "id nr no num nummer number key code kennung uid guid uuid identifiant numero codigo clave schluessel"

# field -> names, best first. "V" and "U" stand for words of videos and viewers, "#" for words of ids.
NAMES: Mapping[str, Mapping[str, str]] = {
    "videos": {
        "video_id": "V#|V|#",
        "title": "title|name|titel|titre|titulo|titolo|bezeichnung|nombre|nom|V_title|V_name|V_titel|V_nom|V_titre",
        "description": "description|plot|overview|summary|synopsis|beschreibung|inhalt|resume|descripcion|sinopsis",
        "creator_name": "director|directors|creator|channel|author|studio|producer|regie|regisseur|kanal|realisateur|"
        "director_name|autor|auteur|canal|chaine|regista|creator_name|author_name|realisation|produktion",
        "creator_id": "creator#|author#|channel#|director#|studio#|kanal#|autor#",
        "series_id": "series#|serie#|serien#|parent#",
        "episode": "episode|episode_number|episode_nr|folge|capitulo|episodio",
        "genres": "genres|genre|categories|category|kategorie|kategorien|gattung|genero|generos|categorie|listed_in|"
        "rubrik|categoria|tag_name|V_genres",
        "tags": "tags|keywords|schlagworte|stichworte|mots_cles|etiquetas|labels|themen",
        "cast": "cast|actors|starring|darsteller|schauspieler|besetzung|acteurs|actores|reparto|distribution|attori",
        "video_language": "language|lang|sprache|langue|idioma|lingua|original_language|V_language",
        "countries": "countries|country|land|laender|pays|pais|paises|territories|paese",
        "maturity": "maturity|age_rating|fsk|age_limit|min_age|certificate|altersfreigabe|age|edad|certification|pegi|"
        "content_rating|rating",
        "duration_seconds": "duration|runtime|length|dauer|laufzeit|laenge|spieldauer|duree|duracion|V_duration|"
        "total_duration|running_time|V_length|minuten|minutes",
        "published_timestamp_us": "published|published_at|publish_date|release_date|released|date_added|added|"
        "upload_dt|uploaded|created_at|veroeffentlicht|erscheinungsdatum|startdatum|date_de_sortie|sortie|fecha|fecha_estreno|"
        "estreno|online_since|verfuegbar_ab|release_year|year|jahr|annee|ano|date|datum|created|air_date",
        "expires_timestamp_us": "expires|expires_at|available_until|expiry|end_date|verfuegbar_bis|expiration",
        "perceptual_hash": "perceptual_hash|phash|image_hash|dhash",
        "licence_cost": "licence_cost|license_cost|licence_fee|license_fee|cost_per_hour|lizenzkosten|"
        "cout_licence|coste_licencia",
        "thumbnail": "thumbnail|thumbnail_url|poster|poster_url|image|image_url|bild|affiche|cartel|cover",
    },
    "users": {
        "user_id": "U#|U|#",
        "country": "country|land|pays|pais|country_code|paese|market|region",
        "user_language": "language|lang|sprache|langue|idioma|locale|lingua|U_language",
        "age_group": "age_group|age|alter|altersgruppe|edad|tranche_age|age_range|alter_gruppe|age_bracket",
        "signup_timestamp_us": "signup|signup_date|registered|registered_at|created_at|joined|anmeldung|registriert|"
        "registrierung|inscription|inscrit|alta|fecha_alta|registro|member_since|created|angemeldet_am|angemeldet|"
        "date_inscription|since|seit|fecha_registro|signup_at",
    },
    "events": {
        "event_id": "event#|log#|interaction#|ereignis#|evento#",
        "user_id": "U#|U",
        "video_id": "V#|V",
        "event": "event|event_type|action|type|interaction|aktion|ereignis|vorgang|evenement|accion|evento|typ|"
        "kind|verb|azione",
        "rating": "rating|ratings|stars|score|note|bewertung|wertung|sterne|puntuacion|valoracion|calificacion|voto|"
        "thumbs|thumb|punkte|evaluation|etoiles|daumen|reaction|avis",
        "timestamp_us": "timestamp|time|ts|date|datetime|at|watched_at|event_time|created_at|zeit|zeitpunkt|datum|"
        "uhrzeit|zeitstempel|heure|horodatage|fecha|hora|fecha_hora|exposed_time|time_ms|occurred_at|rated_at|"
        "viewed_at|data|quand|moment|when|date_heure|gesehen_am|vu_le",
        "watch_seconds": "watch_seconds|watch_time|watched|watch_duration|seconds_watched|play_time|play_duration|"
        "gesehen|gesehene|sehdauer|wiedergabedauer|angesehen|duree_vue|temps_vu|vu|visto|tiempo_visto|"
        "segundos_vistos|dwell_time|viewing_time|watch_ratio|progress|progress_pct|percent_watched|completion|"
        "watch_time_s|listened|fortschritt|minuten_gesehen|play_time_ms|seconds|view_time|minutes_watched",
        "duration_seconds": "video_duration|duration|total_duration|laufzeit|duration_ms|duration_s|duree_totale",
        "position": "position|rank|slot|platz",
        "surface": "surface|page|screen|placement|seite|tab",
        "device": "device|device_type|platform|geraet|appareil|dispositivo",
        "request_id": "request#|session#|page#|sitzung#",
    },
    "impressions": {
        "impression_id": "impression#|exposure#|einblendung#",
        "request_id": "request#|page#|slate#|seite#|session#",
        "user_id": "U#|U",
        "video_id": "V#|V",
        "timestamp_us": "timestamp|time|ts|shown_at|exposed_time|exposed_at|time_ms|zeit|zeitpunkt|date|datum|fecha|"
        "gezeigt_am|affiche_le|datetime|served_at|horodatage|hora",
        "position": "position|rank|slot|platz|pos|posicion|rang|place",
        "surface": "surface|page|screen|placement|seite|tab|row|reihe",
        "device": "device|device_type|platform|geraet|appareil|dispositivo",
        "propensity": "propensity|propensity_score|probability|pscore",
        "clicked": "clicked|click|is_click|geklickt|clique|clic|pulsado",
        "watch_seconds": "watch_seconds|watch_time|play_time|gesehen|watch_time_s|play_time_ms",
        "watch_fraction": "watch_ratio|watch_fraction|progress",
        "liked": "liked|is_like|like|gefaellt|cvm_like",
        "disliked": "disliked|is_hate|dislike|hate",
        "shared": "shared|is_forward|share|forward",
    },
}
SHOWN = "impression exposure shown served einblendung angezeigt affichage impresion anzeige exposition slate"

EVENT_WORDS: Mapping[str, str] = {
    "unlike": "unlike unliked",
    "dislike": "dislike disliked thumbs_down downvote hate gefaellt_nicht "
    "gefaellt_mir_nicht je_n_aime_pas no_me_gusta down",
    "like": "like liked thumbs_up upvote favorite favourite love gefaellt "
    "gefaellt_mir j_aime me_gusta aime up heart merken",
    "not_interested": "not_interested hide hidden kein_interesse pas_interesse no_me_interesa block",
    "share": "share shared forward geteilt teilen partage partager compartir compartido retweet",
    "click": "click clicked open opened select klick geklickt clic clique pulsado tap ouvert geoeffnet detail",
    "watch": "watch watched play played view viewed complete completed finish stream watch_complete gesehen angesehen "
    "abgespielt wiedergabe vu visionnage lecture regarde visto visionado reproduccion ver play_end stop ende fin",
}

_MINUTES = "min mins minute minutes minuten minutos minuti mn"
_SECONDS = "s sec secs second seconds sek sekunden secondes segundos secondi"
UNIT_WORDS: Mapping[str, str] = {
    "ms": "ms msec millis milliseconds millisekunden",
    "minutes": _MINUTES,
    "seconds": _SECONDS,
    "hours": "h hours hour stunden heures horas std",
    "percent": "percent pct prozent pourcent porcentaje",
    "share": "ratio share fraction anteil",
}


_LETTERS = (
    *(("ä", "ae"), ("ö", "oe"), ("ü", "ue"), ("ß", "ss"), ("Ä", "Ae"), ("Ö", "Oe"), ("Ü", "Ue")),
    ("%", "_percent_"),
)


def plain(name: str) -> str:
    """A name in small letters without accents, its words apart by _: "FilmNr." is film_nr."""
    apart = re.sub(r"(?<=[a-z0-9ß])(?=[A-ZÄÖÜ])", "_", name)
    for sign, letters in _LETTERS:
        apart = apart.replace(sign, letters)
    folded = unicodedata.normalize("NFKD", apart).encode("ascii", "ignore").decode().casefold()
    return re.sub(r"[^a-z0-9]+", "_", folded).strip("_")


def fit(table: str, field: str, column: str) -> int:
    """How well the name of a column fits a field: 0 not at all, 100 best."""
    words = [word for word in plain(column).split("_") if word not in _SMALL]
    kinds = f"{VIDEO} {USER}".split()
    if len(words) > 1 and words[-1] in kinds and words[0] not in kinds:
        words = [words[-1], *words[:-1]]  # id_film, nom du film
    best = 0
    for rank, name in enumerate(NAMES[table][field].split("|")):
        score = _fit(name, words)
        if score:
            best = max(best, score - min(rank, 20))
    return best


def unit_of(name: str) -> str:
    """The unit that a name states, as runtime_min; "" of none."""
    words = plain(name).split("_")
    return next((unit for unit, known in UNIT_WORDS.items() if any(word in known.split() for word in words)), "")


def event_of(value: str) -> str:
    """What an event of this name is for Marquee; "" if nobody knows."""
    name = plain(value)
    for event, known in EVENT_WORDS.items():
        if name in known.split():
            return event
    words = name.split("_")
    for event, known in EVENT_WORDS.items():
        if any(word in known.split() for word in words):
            return event
    return ""


def is_of(known: str, name: str) -> bool:
    """Whether one of these words is in a name, also of the plural."""
    words = plain(name).split("_")
    return any(_same(word, one) for word in words for one in known.split())


def _fit(name: str, words: Sequence[str]) -> int:
    if "V" in name or "U" in name:
        kind = VIDEO if "V" in name else USER
        rest = name.replace("V", "").replace("U", "").strip("_")
        if not words or not any(_same(words[0], one) for one in kind.split()):
            joined = "".join(words)
            glued = rest == "#" and any(joined == f"{one}{end}" for one in kind.split() for end in _ID.split())
            return 98 if glued else 0
        if rest == "#":
            return 100 if len(words) > 1 and words[-1] in _ID.split() else 0
        return (90 if len(words) == 1 else 0) if not rest else (95 if "_".join(words[1:]) == rest else 0)
    if name.endswith("#"):
        before = name[:-1]
        is_id = bool(words) and words[-1] in _ID.split()
        return 100 if is_id and "_".join(words[:-1]).rstrip("_") == before else 0
    joined = "_".join(words)
    if joined == name:
        return 100
    without = [word for word in words if not any(word in known.split() for known in UNIT_WORDS.values())]
    if "_".join(without) == name:
        return 95
    parts = name.split("_")
    return 60 if len(name) > 3 and any(words[at : at + len(parts)] == parts for at in range(len(words))) else 0


def _same(word: str, known: str) -> bool:
    return word in (known, f"{known}s", f"{known}en", f"{known}n")

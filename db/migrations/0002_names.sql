-- Why: names are typed as they are heard. A search has to find Shmyhal for "Shmygal" and put the better match first,
-- which neither a full-text index (whole words) nor trigram similarity (no notion of a typo) does.
--
-- How well what was typed (any of its forms) matches a name (any of its spellings): 1 is the whole name, 0 no match.
-- Both are texts as schemas/names.py folds them: Latin letters and digits, single spaces, " | " between forms.
-- Every typed word has to match a word of the same spelling; their mean counts. A word matches another exactly (1),
-- as its beginning (0.9), by its sound (0.85: Ukrainian and Russian spellings of a name differ by y for i and h for g),
-- with one typo (0.8) or, if it is long, with two (0.7). Loops and not one query: twenty times as fast.
CREATE FUNCTION name_score(query text, spellings text) RETURNS real
LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE
AS $$
DECLARE
    form text;
    spelling text;
    typed text;
    word text;
    heard text;
    said text;
    distance integer;
    score real;
    best real;
    total real;
    words integer;
    answer real := 0;
BEGIN
    FOREACH form IN ARRAY string_to_array(query, ' | ') LOOP
        FOREACH spelling IN ARRAY string_to_array(btrim(spellings), ' | ') LOOP
            IF form = spelling THEN
                RETURN 1;
            END IF;
            best := 0;
            total := 0;
            words := 0;
            FOREACH typed IN ARRAY string_to_array(form, ' ') LOOP
                best := 0;
                heard := translate(typed, 'yg', 'ih');
                FOREACH word IN ARRAY string_to_array(spelling, ' ') LOOP
                    score := 0;
                    IF typed = word THEN
                        score := 1;
                    ELSIF length(typed) >= 3 AND starts_with(word, typed) THEN
                        score := 0.9;
                    -- the limits also keep levenshtein from failing: it takes 255 characters at most
                    ELSIF length(typed) BETWEEN 4 AND 100 AND abs(length(typed) - length(word)) <= 2 THEN
                        said := translate(word, 'yg', 'ih');
                        distance := levenshtein_less_equal(heard, said, 2);
                        IF distance = 0 THEN
                            score := 0.85;
                        ELSIF distance = 1 THEN
                            score := 0.8;
                        ELSIF distance = 2 THEN
                            IF length(typed) >= 8 THEN
                                score := 0.7;
                            END IF;
                            FOR place IN 1 .. length(heard) - 1 LOOP  -- two letters that changed places are one typo
                                IF overlay(heard PLACING reverse(substr(heard, place, 2)) FROM place FOR 2) = said THEN
                                    score := 0.8;
                                END IF;
                            END LOOP;
                        END IF;
                    END IF;
                    best := greatest(best, score);
                END LOOP;
                EXIT WHEN best = 0;
                total := total + best;
                words := words + 1;
            END LOOP;
            IF best > 0 THEN
                answer := greatest(answer, 0.95 * total / words);
            END IF;
        END LOOP;
    END LOOP;
    RETURN answer;
END
$$;
